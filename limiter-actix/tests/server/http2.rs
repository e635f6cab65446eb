//! Streams of HTTP/2: requests at once over one connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use actix_web::{App, HttpServer, rt::time::sleep, web};
use limiter_actix::{Limit, Limiter, Quota, resource};
use limiter_test_support::{
    http2::get_at_once,
    server::{Server, serve},
    storages::{StorageKind, errors_on_all},
};

use crate::count;

const STREAMS: usize = 60;

/// Counts how often the handler has run.
type Runs = web::Data<AtomicUsize>;

async fn take_a_while(runs: Runs) -> &'static str {
    runs.fetch_add(1, Ordering::SeqCst);
    sleep(Duration::from_millis(5)).await;
    "ok"
}

/// `/x` has a limit of `amount` a day.
fn server(kind: StorageKind, amount: u64) -> (Server, Runs) {
    let runs = Runs::from(Arc::new(AtomicUsize::new(0)));
    let data = runs.clone();
    let server = serve(move |listener| {
        let limiter = kind.set(Limiter::builder()).build().expect("a limiter");
        let server = HttpServer::new(move || {
            let limit = Limit::new(Quota::per_day(amount));
            App::new()
                .app_data(data.clone())
                .wrap(limiter.clone())
                .service(resource("/x", limit, |it| it.to(take_a_while)))
        });
        Ok(server.workers(2).listen_auto_h2c(listener)?.run())
    });
    (server, runs)
}

#[test]
fn as_many_streams_pass_as_the_limit_admits() {
    for amount in [0, 1, 20, 59, 60] {
        let wrong = errors_on_all(|kind| {
            let (server, runs) = server(kind, amount);
            let statuses = get_at_once(server.address, "/x", STREAMS);
            let (admitted, refused) = (count(&statuses, 200), count(&statuses, 429));
            let seen = (u64::try_from(admitted), refused, runs.load(Ordering::SeqCst));
            let expected = (Ok(amount), STREAMS - admitted, admitted);
            (seen != expected).then(|| format!("{amount}: {seen:?}")).into_iter().collect()
        });
        assert_eq!(wrong, Vec::<String>::new());
    }
}

#[test]
fn streams_of_several_connections_share_the_limit() {
    let wrong = errors_on_all(|kind| {
        let (server, runs) = server(kind, 70);
        let connections: Vec<_> = (0..4)
            .map(|_| {
                let address = server.address;
                thread::spawn(move || get_at_once(address, "/x", STREAMS))
            })
            .collect();
        let statuses: Vec<_> =
            connections.into_iter().flat_map(|it| it.join().expect("a client goes on to the end")).collect();
        let seen = (count(&statuses, 200), count(&statuses, 429), runs.load(Ordering::SeqCst));
        (seen != (70, 4 * STREAMS - 70, 70)).then(|| format!("{seen:?}")).into_iter().collect()
    });
    assert_eq!(wrong, Vec::<String>::new());
}
