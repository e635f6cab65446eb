//! The log under requests that are meant to fill it, or to forge lines in it.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse},
    http::Method,
    middleware::NormalizePath,
    post,
    test::{TestRequest, init_service},
    web::{self, ServiceConfig},
};
use limiter_actix::{
    Limit, LimitCheck, Limiter, LimiterBuilder, ManualClock, Quota, Strategy, Timestamp, exempt, key,
    resource,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Storage, StorageError},
};
use limiter_test_support::log;

/// What a client would write into the log: a line of its own, colours, and a lot.
const FORGED: &str = "%0aWARN%20forged%0d%1b%5b31m%c2%9b2J%e2%80%ae";
const REQUESTS: u64 = 3000;
/// The most lines of one code in ten seconds, from one limiter.
const MAX: usize = 10;
/// The longest line, in characters: a few fields, each cut.
const MAX_LINE: usize = 2000;

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[exempt]
#[post("/{any}")]
async fn exempt_post() -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn checks(limits: LimitCheck) -> Result<HttpResponse, Error> {
    limits.check().await?;
    Ok(HttpResponse::Ok().finish())
}

/// The value of the query, decoded, with a number that makes it another each time.
fn query(req: &ServiceRequest) -> String {
    let query = form_value(req.query_string());
    format!("{query}{}", next())
}

fn form_value(query: &str) -> String {
    url_decoded(query.split_once('=').map_or("", |(_, value)| value))
}

fn url_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|it| char::from(it).to_digit(16)).unwrap_or(0);
        bytes.push(if byte == b'%' { u8::try_from(digit() * 16 + digit()).unwrap_or(0) } else { byte });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Numbers that are never the same.
fn next() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    NUMBER.fetch_add(1, Relaxed)
}

fn request(path: &str) -> TestRequest {
    TestRequest::with_uri(path).peer_addr(([127, 0, 0, 1], 4000).into())
}

/// Has an app answer; an error is an answer too.
async fn send<S, B>(app: &S, request: TestRequest)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    drop(app.call(request.to_request()).await.map(drop));
}

/// Sends many requests to an app with one limiter; returns the lines that this thread has logged meanwhile.
async fn flood(
    limiter: impl FnOnce(LimiterBuilder) -> LimiterBuilder,
    routes: impl FnOnce(&mut ServiceConfig),
    make: impl Fn(u64) -> TestRequest,
) -> Vec<String> {
    log::capture();
    let before = log::here("").len();
    let limiter = limiter(Limiter::builder()).build().expect("a limiter");
    let app = App::new().wrap(NormalizePath::trim()).wrap(limiter).configure(routes);
    let app = init_service(app).await;
    for number in 0..REQUESTS {
        send(&app, make(number)).await;
    }
    log::here("").split_off(before)
}

/// Checks the lines: those of this code are there and few, and each is one line of printable text.
fn check(code: &str, lines: &[String], start: Instant) {
    let of_code = lines.iter().filter(|line| line.contains(code)).count();
    // Some throttles go by the clock of the system. If the machine is slow, the flood takes several intervals.
    let intervals = usize::try_from(start.elapsed().as_secs() / 10).unwrap_or(usize::MAX) + 2;
    assert!(of_code > 0, "{code} is not logged: {lines:#?}");
    assert!(of_code <= MAX * intervals, "{code}: {of_code} lines");
    for line in lines {
        assert!(line.chars().count() < MAX_LINE, "{line}");
        let is_raw = |char: char| char.is_control() || ('\u{202a}'..='\u{202e}').contains(&char);
        assert!(!line.contains(is_raw), "{line:?}");
    }
}

#[actix_web::test]
async fn invalid_texts_of_dynamic_limits() {
    let start = Instant::now();
    let lines = flood(
        |it| it,
        |app| {
            app.service(resource("/", Limit::dynamic(query), |it| it.to(ok)));
        },
        |_| request(&format!("/?quota={FORGED}{}", "x".repeat(500))),
    )
    .await;
    check("L001", &lines, start);
}

#[actix_web::test]
async fn unsupported_dynamic_limits() {
    let start = Instant::now();
    let lines = flood(
        |it| it,
        |app| {
            let any = Limit::dynamic(|_| Quota::per_day(20_000 + next())).strategy(Strategy::MovingWindow);
            app.service(resource("/", any, |it| it.to(ok)));
        },
        |_| request("/"),
    )
    .await;
    check("L004", &lines, start);
}

#[actix_web::test]
async fn dynamic_limits_that_fail() {
    let start = Instant::now();
    let fails = |req: &ServiceRequest| Err::<Quota, _>(format!("no tenant {}", query(req)));
    let lines = flood(
        |it| it,
        |app| {
            app.service(resource("/", Limit::dynamic(fails), |it| it.to(ok)));
        },
        |_| request(&format!("/?tenant={FORGED}{}", "%00".repeat(500))),
    )
    .await;
    check("L014", &lines, start);
}

#[actix_web::test]
async fn keys_that_fail() {
    let start = Instant::now();
    let lines = flood(
        |it| it.key(|_: &ServiceRequest| Err::<&str, _>("no database")).default_limits("1/day"),
        |_| (),
        |_| request("/"),
    )
    .await;
    check("L014", &lines, start);
}

#[actix_web::test]
async fn costs_above_limits() {
    let start = Instant::now();
    let lines = flood(
        |it| it,
        |app| {
            let any = Limit::dynamic(|_| Quota::per_day(next())).cost(u64::MAX);
            app.service(resource("/", any, |it| it.to(ok)));
        },
        |_| request("/"),
    )
    .await;
    check("L008", &lines, start);
}

#[actix_web::test]
async fn invalid_names_of_headers() {
    let start = Instant::now();
    let lines = flood(
        |it| it.key(|req: &ServiceRequest| key::header(&query(req))(req)).default_limits("1/day"),
        |_| (),
        |_| request(&format!("/?name={FORGED}{}", "x".repeat(5000))),
    )
    .await;
    check("L012", &lines, start);
}

#[actix_web::test]
async fn paths_that_middleware_rewrites() {
    let start = Instant::now();
    let lines = flood(
        |it| it,
        |app| {
            app.service(resource("/{any}", Limit::new(Quota::per_day(1)), |it| it.to(ok)));
        },
        |number| match number % 3 {
            0 => request(&format!("//x{number}{FORGED}/")),
            1 => request(&format!("/{number}{FORGED}")),
            _ => request(&format!("/{}/{FORGED}/", "y".repeat(400))),
        },
    )
    .await;
    check("L015", &lines, start);
}

#[actix_web::test]
async fn handlers_before_an_exempt_one() {
    let start = Instant::now();
    let lines = flood(
        |it| it.default_limits("1/day"),
        |app| {
            // Before each exempt method stands a resource that answers it by default.
            for number in 0..50 {
                let before = web::resource("/{any}").route(web::get().to(ok)).default_service(web::to(ok));
                app.service(web::scope(&format!("/s{number}")).service(before).service(exempt_post));
            }
        },
        |number| request(&format!("/s{}/x{FORGED}", number % 50)).method(Method::POST),
    )
    .await;
    check("L009", &lines, start);
}

/// Refusals have a bound of their own, a hundred a second.
#[actix_web::test]
async fn refusals() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let own = Arc::clone(&clock);
    let lines = flood(
        |it| it.clock(own).key(key::query("k")).default_limits("0/day"),
        |_| (),
        |number| request(&format!("/{number}{FORGED}?k={FORGED}{number}")),
    )
    .await;
    let refused = lines.iter().filter(|line| line.contains("request refused")).count();
    assert_eq!(refused, 100);
    check("L008", &lines, Instant::now());
}

/// What a limiter logs once in a process stays one line.
#[actix_web::test]
async fn events_that_are_logged_once() {
    let lines = flood(
        |it| it.default_limits("1/day"),
        |_| (),
        |_| TestRequest::with_uri("/").insert_header(("x-forwarded-for", "1.2.3.4")),
    )
    .await;
    for code in ["L005", "L011"] {
        let of_code = lines.iter().filter(|line| line.contains(code)).count();
        assert!(of_code <= 1, "{code}: {of_code} lines");
    }
    let before = log::here("").len();
    let app = App::new().route("/", web::get().to(checks)).service(resource(
        "/limited",
        Limit::new(Quota::per_day(1)),
        |it| it.to(ok),
    ));
    let app = init_service(app).await;
    for _ in 0..REQUESTS {
        send(&app, request("/")).await;
        send(&app, request("/limited")).await;
    }
    let lines = log::here("").split_off(before);
    for code in ["L010", "L033"] {
        let of_code = lines.iter().filter(|line| line.contains(code)).count();
        assert!(of_code <= 1, "{code}: {of_code} lines");
    }
}

/// Fails at every other decision, and at every refund.
#[derive(Debug, Default)]
struct Flapping {
    memory: MemoryStorage,
    decisions: AtomicU64,
}

fn gone() -> StorageError {
    StorageError::new("it is gone").with_source(format!("no route\n{}\u{1b}[31m", "x".repeat(5000)))
}

impl Storage for Flapping {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        let is_even = self.decisions.fetch_add(1, Relaxed).is_multiple_of(2);
        Answer::Ready(if is_even { Ok(self.memory.decide(batch, now)) } else { Err(gone()) })
    }

    fn refund<'a>(&'a self, _: &'a [Refund<'a>], _: Timestamp) -> Answer<'a, ()> {
        Answer::Ready(Err(gone()))
    }

    fn clear<'a>(&'a self, _: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Ready(Err(gone()))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Ready(Err(gone()))
    }
}

#[actix_web::test]
async fn a_storage_that_comes_and_goes() {
    let start = Instant::now();
    let lines = flood(
        |it| it.storage(Arc::new(Flapping::default())),
        |app| {
            let limit = Limit::new(Quota::per_day(1_000_000)).deduct_when(|_| false);
            app.service(resource("/", limit, |it| it.to(ok)));
        },
        |_| request("/"),
    )
    .await;
    check("L006", &lines, start);
    // Twice: storages that fail, and refunds that do.
    let both = lines.iter().filter(|line| line.contains("L006") || line.contains("L016")).count();
    assert!(both <= 3 * MAX, "{both} lines");
}

/// The next line of a code has the number of those that were suppressed before it.
#[actix_web::test]
async fn suppressed_events_are_counted() {
    log::capture();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let limiter = Limiter::builder()
        .clock(Arc::clone(&clock) as _)
        .key(|_: &ServiceRequest| Err::<&str, _>("no database"))
        .default_limits("1/day")
        .build()
        .expect("a limiter");
    let app = init_service(App::new().wrap(limiter)).await;
    let before = log::here("L014").len();
    let lines = Cell::new(before);
    let count = || {
        let all = log::here("L014");
        let new = all.len() - lines.replace(all.len());
        (new, all.last().cloned().unwrap_or_default())
    };
    for _ in 0..REQUESTS {
        send(&app, request("/")).await;
    }
    let (logged, last) = count();
    assert!(logged == MAX && !last.contains("suppressed"), "{logged}: {last}");
    clock.advance(Duration::from_secs(10));
    send(&app, request("/")).await;
    let (logged, last) = count();
    assert!(logged == 1 && last.contains("suppressed=2990"), "{logged}: {last}");
}
