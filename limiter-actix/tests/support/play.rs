//! Plays requests to an app, and compares its answers with those expected.

use std::{fmt::Write, future::Future, sync::Arc, time::Duration};

use actix_web::{
    App, Error, HttpResponse, Resource,
    body::{MessageBody, to_bytes},
    dev::{HttpServiceFactory, Service, ServiceRequest, ServiceResponse},
    http::{Method, header::HeaderMap},
    rt::System,
    test::{TestRequest, init_service},
    web::{self, ServiceConfig},
};
use limiter_actix::{IntoRule, Key, Limiter, LimiterBuilder, Limits, ManualClock, Timestamp, resource};

/// Seconds after the start, the request, its headers, and the answer.
///
/// The answer is a status, then as much of it as matters: in brackets the headers X-RateLimit-Limit,
/// -Remaining, -Reset (T is the start) and Retry-After, all that are there; in quotes the body.
pub type Step<'a> = (f64, &'a str, &'a str, &'a str);

/// The start, in seconds since the Unix epoch: midnight.
const START: u64 = 1_700_006_400;

/// Plays the steps to an app with one limiter; returns a line for each answer that is not as expected.
///
/// # Panics
///
/// If the limiter cannot be built.
pub fn play(
    limiter: impl FnOnce(LimiterBuilder) -> LimiterBuilder,
    routes: impl FnOnce(&mut ServiceConfig),
    steps: &[Step<'_>],
) -> Vec<String> {
    in_a_system(async {
        let clock = clock();
        let limiter = limiter(builder(&clock)).build().expect("the limits can be read");
        let app = init_service(App::new().wrap(limiter).configure(routes)).await;
        play_to(async |it| app.call(it.to_request()).await, &clock, steps).await
    })
}

/// Plays the steps to an app.
///
/// # Panics
///
/// If an answer is not as expected.
#[track_caller]
pub fn expect(
    limiter: impl FnOnce(LimiterBuilder) -> LimiterBuilder,
    routes: impl FnOnce(&mut ServiceConfig),
    steps: &[Step<'_>],
) {
    let wrong = play(limiter, routes, steps);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Limiters that the same line builds share their counts within a system: each app has one of its own.
pub fn in_a_system<T>(test: impl Future<Output = T>) -> T {
    System::new().block_on(test)
}

/// A clock that stands at the start.
pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(START * 1000)))
}

/// The client is the header `k`, or c1.
pub fn builder(clock: &Arc<ManualClock>) -> LimiterBuilder {
    let client = |req: &ServiceRequest| Key::text("k", header(req, "k").unwrap_or("c1"));
    Limiter::builder().clock(Arc::clone(clock) as _).key(client)
}

/// Plays the steps; returns a line for each answer that is not as expected.
pub async fn play_to<B: MessageBody + 'static>(
    app: impl AsyncFn(TestRequest) -> Result<ServiceResponse<B>, Error>,
    clock: &ManualClock,
    steps: &[Step<'_>],
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, (seconds, request, headers, expected)) in steps.iter().enumerate() {
        clock.set(Timestamp::from_millis(START * 1000).after(Duration::from_secs_f64(*seconds)));
        let response = match app(read(request, headers)).await {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        let answer = summary(response, expected).await;
        if answer != *expected {
            wrong.push(format!(
                "step {number}, at {seconds} s: {request} {headers}\n  expected {expected}\n  got      {answer}"
            ));
        }
    }
    wrong
}

/// Reads `GET /path`, with headers such as `k: c2, x: 1`.
///
/// # Panics
///
/// If it is no request.
pub fn read(request: &str, headers: &str) -> TestRequest {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let address = "192.0.2.1:4000".parse().expect("an address");
    // The limit as plain text, whatever else a refusal may look like.
    let plain = TestRequest::default()
        .method(method)
        .uri(path)
        .peer_addr(address)
        .insert_header(("accept", "text/plain"));
    headers.split(", ").filter_map(|header| header.split_once(": ")).fold(plain, TestRequest::append_header)
}

/// As much of an answer as is expected.
async fn summary(response: HttpResponse, expected: &str) -> String {
    let mut summary = response.status().as_str().to_owned();
    if expected.contains('[') {
        write!(summary, " [{}]", counts(response.headers())).expect("strings take all");
    }
    if expected.contains('\'') {
        let body = to_bytes(response.into_body()).await.unwrap_or_default();
        write!(summary, " '{}'", String::from_utf8_lossy(&body)).expect("strings take all");
    }
    summary
}

fn counts(headers: &HeaderMap) -> String {
    let value = |name| {
        let mut all = headers.get_all(name).map(|value| value.to_str().expect("visible ASCII"));
        let one = all.next();
        assert_eq!(all.next(), None, "{name} is there once");
        one
    };
    let reset = |value: &str| {
        let seconds: u64 = value.parse().expect("whole seconds");
        format!("X=T+{}", seconds.checked_sub(START).expect("not before the start"))
    };
    let parts = [
        value("x-ratelimit-limit").map(|value| format!("L={value}")),
        value("x-ratelimit-remaining").map(|value| format!("R={value}")),
        value("x-ratelimit-reset").map(reset),
        value("retry-after").map(|value| format!("A={value}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The text of a header of the request.
pub fn header<'a>(req: &'a ServiceRequest, name: &str) -> Option<&'a str> {
    req.headers().get(name)?.to_str().ok()
}

/// Reads limits.
///
/// # Panics
///
/// If the text is invalid.
pub fn limits(text: &str) -> Limits {
    text.parse().expect("a limit")
}

/// A resource that answers all methods.
pub fn page(path: &str, body: &'static str) -> Resource {
    web::resource(path).to(move || async move { body })
}

/// The same with a rule.
pub fn ruled(path: &str, rule: impl IntoRule, body: &'static str) -> impl HttpServiceFactory {
    resource(path, rule, move |it| it.to(move || async move { body }))
}
