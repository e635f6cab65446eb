//! Grants that went elsewhere, over TCP.

use std::{
    future::pending,
    io::Write,
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpServer, guard,
    rt::time::{sleep, timeout},
    web,
};
use limiter_actix::{Exempt, ScopeExt};
use limiter_test_support::{
    client::{Client, get_at_once},
    http2,
    server::{Server, serve},
};
use socket2::SockRef;

use super::super::{has_a, plain, still};

/// Counts how often the plain handler has run.
type Runs = web::Data<AtomicUsize>;

async fn take_a_while(runs: Runs) -> &'static str {
    runs.fetch_add(1, Ordering::SeqCst);
    sleep(Duration::from_millis(50)).await;
    "ok"
}

async fn hang(runs: Runs) -> &'static str {
    runs.fetch_add(1, Ordering::SeqCst);
    pending().await
}

/// Three an hour; a guarded exempt scope beside its plain twin. One worker.
fn server() -> (Server, Runs) {
    let runs = Runs::from(Arc::new(AtomicUsize::new(0)));
    let data = runs.clone();
    let server = serve(move |listener| {
        let limiter = still().application_limits("3/hour").build().expect("a limiter");
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .wrap(limiter.clone())
                .service(
                    web::scope("/v1")
                        .guard(guard::fn_guard(has_a))
                        .exempt(Exempt::ALL)
                        .route("/x", web::get().to(plain))
                        .route("/hang", web::get().to(plain)),
                )
                .service(
                    web::scope("/v1")
                        .route("/x", web::get().to(take_a_while))
                        .route("/hang", web::get().to(hang)),
                )
        });
        Ok(server.workers(1).listen_auto_h2c(listener)?.run())
    });
    (server, runs)
}

#[test]
fn at_once() {
    let (server, runs) = server();
    let statuses = get_at_once(server.address, "/v1/x", 60);
    let answered = statuses.iter().filter(|status| **status == 200).count();
    assert!((3..=4).contains(&answered), "{answered}");
    assert_eq!(runs.load(Ordering::SeqCst), answered);
    assert_eq!(Client::connect(server.address).get("/v1/x").status, 429);
}

#[test]
fn at_once_over_one_http2_connection() {
    let (server, runs) = server();
    let statuses = http2::get_at_once(server.address, "/v1/x", 60);
    let answered = statuses.iter().filter(|status| **status == 200).count();
    assert!((3..=4).contains(&answered), "{answered}");
    assert_eq!(runs.load(Ordering::SeqCst), answered);
    assert_eq!(http2::get_at_once(server.address, "/v1/x", 60), [429; 60]);
}

#[test]
fn streams_reset_by_the_client() {
    let (server, runs) = server();
    let opened = http2::connect(server.address, async |mut connection| {
        for _ in 0..20 {
            let before = runs.load(Ordering::SeqCst);
            let stream = connection.get("/v1/hang", &[]).await?;
            let mut response = Box::pin(stream.status());
            // Until the handler runs or the limiter refuses.
            while runs.load(Ordering::SeqCst) == before {
                if timeout(Duration::from_millis(1), &mut response).await.is_ok() {
                    break;
                }
            }
            // Resets the stream.
            drop(response);
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    });
    opened.expect("the server speaks HTTP/2").expect("streams");
    let runs = runs.load(Ordering::SeqCst);
    assert!((3..=4).contains(&runs), "{runs}");
}

#[test]
fn reset_by_the_client() {
    let (server, runs) = server();
    for _ in 0..20 {
        let before = runs.load(Ordering::SeqCst);
        let mut stream = TcpStream::connect(server.address).expect("the server listens");
        write!(stream, "GET /v1/hang HTTP/1.1\r\nHost: x\r\n\r\n").expect("the server reads");
        stream.set_nonblocking(true).expect("a socket need not block");
        wait_for(|| runs.load(Ordering::SeqCst) > before || stream.peek(&mut [0]).is_ok());
        // Closing the connection now resets it.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket need not linger");
    }
    let runs = runs.load(Ordering::SeqCst);
    assert!((3..=4).contains(&runs), "{runs}");
}

/// Waits for the server.
fn wait_for(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not come about");
        std::thread::sleep(Duration::from_millis(1));
    }
}
