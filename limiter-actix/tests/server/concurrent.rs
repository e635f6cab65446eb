//! Limits of concurrent requests, on a server over TCP.

use std::{
    convert::Infallible,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    body::{BodySize, MessageBody},
    rt::time::sleep,
    web::{self, Bytes},
};
use limiter_actix::{Limiter, storage::MemoryStorage};
use limiter_test_support::{
    client::Client,
    server::{Server, serve},
    storages::StorageKind,
};
use tokio::sync::watch;

/// A stream that sends a line, and ends once it is told to.
struct Stream {
    has_begun: bool,
    end: Pin<Box<dyn Future<Output = ()>>>,
}

impl MessageBody for Stream {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if !std::mem::replace(&mut self.has_begun, true) {
            return Poll::Ready(Some(Ok(Bytes::from_static(b"data: first\n\n"))));
        }
        self.end.as_mut().poll(cx).map(|()| None)
    }
}

async fn handler(req: HttpRequest, end: web::Data<watch::Sender<u64>>) -> HttpResponse {
    match req.path() {
        "/stream" => {
            let mut ended = end.subscribe();
            let end = Box::pin(async move { drop(ended.changed().await) });
            HttpResponse::Ok().content_type("text/event-stream").body(Stream { has_begun: false, end })
        }
        "/slow" => {
            sleep(Duration::from_secs(3600)).await;
            HttpResponse::Ok().finish()
        }
        "/panic" => panic!("the handler panics"),
        _ => HttpResponse::Ok().body("quick"),
    }
}

/// A server with `2 concurrent`, and the switch that ends its streams.
fn server(kind: StorageKind) -> (Server, Arc<watch::Sender<u64>>) {
    let switch = Arc::new(watch::channel(0).0);
    let end = web::Data::from(Arc::clone(&switch));
    let limiter =
        kind.set(Limiter::builder().memory_storage(MemoryStorage::new())).application_limits("2 concurrent");
    let limiter = limiter.build().expect("a limiter");
    let server = serve(move |listener| {
        let app =
            move || App::new().wrap(limiter.clone()).app_data(end.clone()).default_service(web::to(handler));
        Ok(HttpServer::new(app).workers(2).disable_signals().listen(listener)?.run())
    });
    (server, switch)
}

fn status(address: SocketAddr, target: &str) -> u16 {
    Client::connect(address).get(target).status
}

/// Opens a stream, whose head and first line have come when this returns.
fn stream(address: SocketAddr) -> Client {
    let mut client = Client::connect(address);
    client.send("GET", "/stream", &[]);
    assert_eq!(client.read(true).status, 200);
    client
}

/// Waits until a request is admitted again.
fn wait_for_room(address: SocketAddr, what: &str) {
    wait_until(what, || status(address, "/") == 200);
}

/// Waits until both places are free, which may come one after the other.
fn wait_for_both(address: SocketAddr, switch: &watch::Sender<u64>, what: &str) {
    wait_until(what, || {
        let connections = [(); 2].map(|()| TcpStream::connect(address).expect("the server listens"));
        let mut clients =
            connections.each_ref().map(|it| Client::over(it.try_clone().expect("another handle")));
        for client in &mut clients {
            client.send("GET", "/stream", &[("Connection", "close")]);
        }
        let statuses = clients.each_mut().map(|client| client.read(true).status);
        switch.send_modify(|turn| *turn += 1);
        for mut connection in connections {
            connection.read_to_end(&mut Vec::new()).expect("the server closes it");
        }
        statuses == [200, 200]
    });
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..3000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: nothing was freed in a minute");
}

#[test]
fn streams_count_while_they_are_open() {
    for kind in StorageKind::ALL {
        let (server, switch) = server(kind);
        let streams = [stream(server.address), stream(server.address)];
        for _ in 0..3 {
            let refused = Client::connect(server.address).get("/");
            assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")), "{kind:?}");
        }
        switch.send_modify(|turn| *turn += 1);
        wait_for_both(server.address, &switch, "streams end");
        drop(streams);
        let again = [stream(server.address), stream(server.address)];
        assert_eq!(status(server.address, "/"), 429, "{kind:?}: both are counted once more");
        drop(again);
    }
}

#[test]
fn clients_that_leave_free_what_they_hold() {
    for kind in StorageKind::ALL {
        let (server, switch) = server(kind);
        let streams = [stream(server.address), stream(server.address)];
        assert_eq!(status(server.address, "/"), 429, "{kind:?}");
        drop(streams);
        // The server notices once it sends something.
        switch.send_modify(|turn| *turn += 1);
        wait_for_both(server.address, &switch, "clients leave streams");

        let slow: Vec<_> = (0..2)
            .map(|_| {
                let mut stream = TcpStream::connect(server.address).expect("the server listens");
                // The answer to the first request lies unread, so that dropping this resets the connection.
                for path in ["/", "/slow"] {
                    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("the server reads");
                }
                stream.peek(&mut [0]).expect("the first answer");
                stream
            })
            .collect();
        while status(server.address, "/") != 429 {
            thread::sleep(Duration::from_millis(5));
        }
        drop(slow);
        wait_for_both(server.address, &switch, "clients leave a handler");
    }
}

#[test]
fn panics_free_what_they_hold() {
    for kind in StorageKind::ALL {
        let (server, switch) = server(kind);
        for _ in 0..6 {
            let mut client = Client::connect(server.address);
            client.send("GET", "/panic", &[]);
            drop(client.try_read(false));
        }
        wait_for_both(server.address, &switch, "handlers panic");
        let _streams = [stream(server.address), stream(server.address)];
        assert_eq!(status(server.address, "/"), 429, "{kind:?}");
    }
}

/// At most two in a handler at any time, whatever number of clients asks for it.
#[test]
fn no_more_than_the_amount_are_under_way() {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    for kind in StorageKind::ALL {
        let (now, most, admitted) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let seen = web::Data::new((now, most, admitted));
        let limiter = kind.set(Limiter::builder().memory_storage(MemoryStorage::new()));
        let limiter = limiter.application_limits("3 concurrent").build().expect("a limiter");
        let counts = seen.clone();
        let server = serve(move |listener| {
            let app = move || {
                let count = |seen: web::Data<(AtomicUsize, AtomicUsize, AtomicUsize)>| async move {
                    seen.1.fetch_max(seen.0.fetch_add(1, SeqCst) + 1, SeqCst);
                    sleep(Duration::from_millis(2)).await;
                    seen.0.fetch_sub(1, SeqCst);
                    seen.2.fetch_add(1, SeqCst);
                    "done"
                };
                App::new().wrap(limiter.clone()).app_data(counts.clone()).default_service(web::to(count))
            };
            Ok(HttpServer::new(app).workers(2).disable_signals().listen(listener)?.run())
        });
        let address = server.address;
        let clients = (0..8).map(|_| {
            thread::spawn(move || {
                let mut client = Client::connect(address);
                for _ in 0..50 {
                    client.get("/");
                }
            })
        });
        clients.collect::<Vec<_>>().into_iter().for_each(|client| client.join().expect("a client"));
        assert!(seen.1.load(SeqCst) <= 3, "{kind:?}: {}", seen.1.load(SeqCst));
        assert!(seen.2.load(SeqCst) > 0, "{kind:?}");
        wait_for_room(address, "all are done");
    }
}
