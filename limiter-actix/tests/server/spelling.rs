//! No spelling of a request leads around a limit: whatever reaches a handler is counted.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{App, HttpServer, get, middleware::NormalizePath, route, web};
use limiter_actix::{Limiter, exempt, limit};
use limiter_test_support::{
    client::Client,
    server::{Server, serve},
};

/// Counts how often a handler was reached.
#[derive(Clone, Default)]
struct Reached(Arc<AtomicUsize>);

impl Reached {
    fn note(&self) -> &'static str {
        self.0.fetch_add(1, Ordering::Relaxed);
        "ok"
    }

    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

#[limit("3/day")]
#[route("/slow", method = "GET", method = "HEAD")]
async fn slow(reached: web::Data<Reached>) -> &'static str {
    reached.note()
}

#[exempt]
#[get("/ping")]
async fn ping() -> &'static str {
    "ok"
}

/// Where `NormalizePath` stands, as seen from the limiter.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Normalize {
    Not,
    Inside,
    Outside,
}

/// `/slow` has three a day; all else, unmatched paths included, ten a day together.
fn server(normalize: Normalize) -> (Server, Reached) {
    let reached = Reached::default();
    let data = web::Data::new(reached.clone());
    let server = serve(move |listener| {
        let limiter = Limiter::builder().application_limits("10/day").build().expect("a limiter");
        let server = HttpServer::new(move || {
            let condition =
                |at| actix_web::middleware::Condition::new(normalize == at, NormalizePath::trim());
            App::new()
                .app_data(data.clone())
                .wrap(condition(Normalize::Inside))
                .wrap(limiter.clone())
                .wrap(condition(Normalize::Outside))
                .service(slow)
                .service(ping)
        });
        Ok(server.workers(1).listen(listener)?.run())
    });
    (server, reached)
}

/// Spellings of `/slow`.
const TARGETS: [&str; 24] = [
    "/slow",
    "/%73low",
    "/%73%6c%6F%77",
    "/slow%2F",
    "/slow/",
    "/slow//",
    "//slow",
    "///slow",
    "/./slow",
    "/../slow",
    "/x/../slow",
    "/slow?x",
    "/slow?",
    "/slow%3Fx",
    "/slow#x",
    "/slow;x=1",
    "/slow%00",
    "/slow%20",
    "/SLOW",
    "/%2573low",
    "/slow%FF",
    "http://elsewhere/slow",
    "http://elsewhere//slow",
    "/%2Fslow",
];

#[test]
fn spellings_of_paths() {
    for normalize in [Normalize::Not, Normalize::Inside, Normalize::Outside] {
        for first in TARGETS {
            let (server, reached) = server(normalize);
            let mut client = Client::connect(server.address);
            let mut answered = 0;
            for target in std::iter::repeat_n(first, 8).chain(TARGETS) {
                let answer = client.ask("GET", target, &[]);
                answered += usize::from(answer.status == 200);
                if answer.status == 400 {
                    client = Client::connect(server.address);
                }
            }
            let reached = reached.take();
            assert_eq!(reached, answered);
            assert!(reached <= 3, "{reached} of three, {normalize:?}, beginning with {first}");
        }
    }
}

#[test]
fn spellings_of_methods_and_headers() {
    let (server, reached) = server(Normalize::Not);
    let mut client = Client::connect(server.address);
    let requests: [(&str, &[(&str, &str)]); 9] = [
        ("HEAD", &[]),
        ("GET", &[("Host", "elsewhere")]),
        ("GET", &[("Host", "")]),
        ("GET", &[("Host", "a b\u{7f}c")]),
        ("GET", &[("X-Forwarded-For", "1.2.3.4")]),
        ("GET", &[("Forwarded", "for=1.2.3.4")]),
        ("GET", &[("X-Real-IP", "1.2.3.4")]),
        ("GET", &[("X-HTTP-Method-Override", "PUT")]),
        ("get", &[]),
    ];
    for (method, headers) in requests.iter().chain(&requests) {
        if client.ask(method, "/slow", headers).status == 400 {
            client = Client::connect(server.address);
        }
    }
    assert_eq!(reached.take(), 3);
}

#[test]
fn unmatched_spellings_are_counted_too() {
    let (server, _) = server(Normalize::Not);
    let mut client = Client::connect(server.address);
    let mut answers = Vec::new();
    for target in
        ["*", "//ping", "/ping/", "/%70ing/", "/ping%2F", "http://x", "/a", "/b", "/c", "/d", "/e", "/f"]
    {
        let method = if target == "*" { "OPTIONS" } else { "GET" };
        let answer = client.ask(method, target, &[]);
        if answer.status == 400 {
            client = Client::connect(server.address);
        }
        answers.push((target, answer.status));
    }
    assert_eq!(answers.iter().filter(|(_, status)| *status == 404).count(), 10, "{answers:?}");
    assert_eq!(client.get("/%70ing").status, 200, "another spelling of the exempt route");
    assert_eq!(client.get("/ping").status, 200);
}

/// The path of a beacon has a part that is drawn for each process; whatever it is, no request gets there.
#[test]
fn spellings_of_unreachable_targets() {
    let (server, _) = server(Normalize::Not);
    let mut client = Client::connect(server.address);
    for target in ["/%01", "/%010123456789abcdef-1/leaf", "/%01/leaf", "/%01%2Fleaf"] {
        assert_eq!(client.get(target).status, 404, "{target}");
    }
}

/// The table of routes is read at the first request, whatever that is.
#[test]
fn spellings_of_a_first_request() {
    type Headers = &'static [(&'static str, &'static str)];
    let requests: [(&str, &str, Headers); 6] = [
        ("GET", "/nothing", &[("Host", "a b")]),
        ("GET", "/nothing", &[("Host", "[::")]),
        ("OPTIONS", "*", &[]),
        ("CONNECT", "elsewhere:443", &[]),
        ("GET", "http://elsewhere", &[]),
        ("GET", "/%FF%00", &[("X-Forwarded-Host", "%%%"), ("Forwarded", "host=;;;")]),
    ];
    for (method, target, headers) in requests {
        let (server, reached) = server(Normalize::Not);
        let mut first = Client::connect(server.address);
        first.send(method, target, headers);
        let answer = first.try_read(false);
        assert!(answer.is_none_or(|it| matches!(it.status, 400 | 404)), "{method} {target}");
        let mut client = Client::connect(server.address);
        for _ in 0..12 {
            assert_eq!(client.get("/ping").status, 200, "{method} {target}");
            client.get("/slow");
        }
        assert_eq!(reached.take(), 3, "{method} {target}");
    }
}
