//! Limits that count only some answers: what happens while a request is on its way.

use std::{
    future::pending,
    io::Write,
    net::{Shutdown, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse, HttpServer,
    dev::{ResponseHead, ServiceRequest, ServiceResponse},
    error::ErrorInternalServerError,
    middleware::{Next, from_fn},
    rt::time::sleep,
    web,
};
use limiter_actix::{Limit, Limiter, ManualClock, Quota, Timestamp, resource};
use limiter_test_support::{
    client::{Client, get_at_once},
    server::{Server, serve},
    storages::{StorageKind, errors_on_all},
};

use crate::count;

fn is_failure(response: &ResponseHead) -> bool {
    !response.status.is_success()
}

/// Counts of the requests in a handler.
#[derive(Clone, Default)]
struct Handled {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    total: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

/// Counts a handler that is dropped.
struct Forever(Arc<AtomicUsize>);

impl Drop for Forever {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Handled {
    fn enter(&self) {
        self.total.fetch_add(1, Ordering::SeqCst);
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    fn total(&self) -> usize {
        self.total.load(Ordering::SeqCst)
    }
}

/// Answers by the last segment of the path.
async fn attempt(req: HttpRequest, seen: web::Data<Handled>) -> Result<HttpResponse, Error> {
    seen.enter();
    if req.match_info().query("outcome") == "forever" {
        let _dropped = Forever(Arc::clone(&seen.dropped));
        pending::<()>().await;
    }
    // Work that takes a while on the server, for clients to leave meanwhile.
    sleep(Duration::from_millis(20)).await;
    seen.leave();
    match req.match_info().query("outcome") {
        "fine" => Ok(HttpResponse::Ok().finish()),
        "wrong" => Ok(HttpResponse::Unauthorized().finish()),
        "error" => Err(ErrorInternalServerError("an error")),
        _ => panic!("the handler panics"),
    }
}

/// Turns some requests into errors, after the handler has answered.
async fn fail(
    req: ServiceRequest,
    next: Next<impl actix_web::body::MessageBody>,
) -> Result<ServiceResponse<impl actix_web::body::MessageBody>, Error> {
    let fails = req.headers().contains_key("x-fail");
    let response = next.call(req).await?;
    if fails { Err(ErrorInternalServerError("middleware fails")) } else { Ok(response) }
}

/// `/{outcome}` has `amount` failed attempts a minute.
fn server(amount: u64) -> (Server, Handled) {
    server_of(StorageKind::Memory, Limit::new(Quota::per_minute(amount)))
}

/// `/{outcome}` has this limit on failed attempts.
fn server_of(kind: StorageKind, limit: Limit) -> (Server, Handled) {
    let limit = limit.deduct_when(is_failure);
    let seen = Handled::default();
    let data = web::Data::new(seen.clone());
    let server = serve(move |listener| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_225_600_000)));
        let limiter = kind.set(Limiter::builder().clock(clock)).build().expect("a limiter");
        let server = HttpServer::new(move || {
            let limit = limit.clone();
            App::new().app_data(data.clone()).wrap(from_fn(fail)).wrap(limiter.clone()).service(resource(
                "/{outcome}",
                limit,
                |it| it.to(attempt),
            ))
        });
        Ok(server.workers(2).listen(listener)?.run())
    });
    (server, seen)
}

/// Asks until somebody's attempt has been given back or is there to stay.
fn is_free(server: &Server) -> bool {
    Client::connect(server.address).get("/fine").status == 200
}

#[test]
fn attempts_at_once_are_admitted_one_at_a_time() {
    let (server, seen) = server(1);
    let statuses = get_at_once(server.address, "/fine", 100);
    assert!(count(&statuses, 200) >= 1);
    assert_eq!(seen.most.load(Ordering::SeqCst), 1);
    assert_eq!(seen.total(), count(&statuses, 200));
    assert!(is_free(&server), "what succeeds is given back");
}

#[test]
fn failed_attempts_count() {
    for outcome in ["/wrong", "/error"] {
        let (server, seen) = server(3);
        let mut client = Client::connect(server.address);
        assert_eq!(client.get("/fine").status, 200);
        for _ in 0..5 {
            client.get(outcome);
        }
        assert_eq!(client.get("/fine").status, 429, "{outcome}");
        assert_eq!(seen.total(), 4);
    }
}

#[test]
fn an_error_of_a_middleware_inside_counts() {
    let (server, seen) = server(3);
    let mut client = Client::connect(server.address);
    for _ in 0..5 {
        client.ask("GET", "/fine", &[("x-fail", "1")]);
    }
    assert_eq!(client.get("/fine").status, 429);
    assert_eq!(seen.total(), 3);
}

#[test]
fn a_panic_in_the_handler_counts() {
    let (server, seen) = server(3);
    for _ in 0..5 {
        let mut client = Client::connect(server.address);
        client.send("GET", "/panic", &[]);
        // Either nothing comes, or the refusal.
        if let Some(answer) = client.try_read(false) {
            assert_eq!(answer.status, 429);
        }
    }
    assert_eq!(seen.total(), 3);
    assert!(!is_free(&server));
}

/// The ways in which a client leaves.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// It closes the connection.
    Closes,
    /// It stops sending.
    Half,
    /// It resets the connection: what was sent to it is unread when it closes.
    Resets,
}

#[test]
fn a_client_that_leaves_has_used_its_attempt() {
    for leaves in [Leaves::Closes, Leaves::Half, Leaves::Resets] {
        let (server, seen) = server(3);
        for attempt in 1..=3 {
            let mut stream = TcpStream::connect(server.address).expect("the server listens");
            if let Leaves::Resets = leaves {
                // The answer to the first of two requests lies unread.
                write!(stream, "GET /elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n").expect("the server reads");
            }
            write!(stream, "GET /wrong HTTP/1.1\r\nHost: x\r\n\r\n").expect("the server reads");
            wait_for(|| seen.total() >= attempt);
            match leaves {
                Leaves::Half => stream.shutdown(Shutdown::Write).expect("a connection"),
                Leaves::Closes | Leaves::Resets => drop(stream),
            }
        }
        wait_for(|| seen.now.load(Ordering::SeqCst) == 0 || matches!(leaves, Leaves::Resets));
        assert!(!is_free(&server), "{leaves:?}");
        assert_eq!(seen.total(), 3);
    }
}

/// One attempt a minute, and whether it comes back when its request is dropped.
fn one_that(refunds: bool) -> Limit {
    Limit::new(Quota::per_minute(1)).refund_on_drop(refunds)
}

/// Nothing else tells a client when what comes back is there: the storage gets it after the request is gone.
fn wrong_unless_free(server: &Server, is_due: bool) -> Vec<String> {
    if !is_due {
        return if (0..10).any(|_| is_free(server)) {
            vec!["what stays taken came back".to_owned()]
        } else {
            Vec::new()
        };
    }
    wait_for(|| is_free(server));
    Vec::new()
}

#[test]
fn a_panic_refunds_with_refund_on_drop() {
    for refunds in [false, true] {
        let wrong = errors_on_all(|kind| {
            let (server, seen) = server_of(kind, one_that(refunds));
            let mut client = Client::connect(server.address);
            client.send("GET", "/panic", &[]);
            assert!(client.try_read(false).is_none(), "no answer comes");
            assert_eq!(seen.total(), 1);
            wrong_unless_free(&server, refunds)
        });
        assert!(wrong.is_empty(), "{refunds}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn a_reset_connection_refunds_with_refund_on_drop() {
    for refunds in [false, true] {
        let wrong = errors_on_all(|kind| {
            let (server, seen) = server_of(kind, one_that(refunds));
            let mut stream = TcpStream::connect(server.address).expect("the server listens");
            write!(stream, "GET /elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n").expect("the server reads");
            // It never ends by itself.
            write!(stream, "GET /forever HTTP/1.1\r\nHost: x\r\n\r\n").expect("the server reads");
            wait_for(|| seen.total() == 1);
            // The answer to the first of two requests lies unread, so this resets the connection.
            stream.peek(&mut [0]).expect("the first answer");
            drop(stream);
            wait_for(|| seen.dropped.load(Ordering::SeqCst) == 1);
            wrong_unless_free(&server, refunds)
        });
        assert!(wrong.is_empty(), "{refunds}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn an_upgrade_counts_once() {
    let server = serve(|listener| {
        let limiter = Limiter::builder().default_limits("2/day").build().expect("a limiter");
        let upgrade = async || HttpResponse::SwitchingProtocols().upgrade("echo").finish();
        let server = HttpServer::new(move || {
            App::new().wrap(limiter.clone()).route("/socket", web::get().to(upgrade))
        });
        Ok(server.workers(1).listen(listener)?.run())
    });
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(server.address);
        client.send("GET", "/socket", &[("Connection", "upgrade"), ("Upgrade", "echo")]);
        statuses.push(client.try_read(true).map_or(0, |answer| answer.status));
    }
    assert_eq!(statuses, [101, 101, 429, 429]);
}

/// Waits for another thread.
fn wait_for(condition: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not come about");
        std::thread::yield_now();
    }
}
