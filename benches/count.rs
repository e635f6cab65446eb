//! Does one thing many times, for its instructions to be counted: `count SCENARIO TIMES`.
//!
//! `cargo xtask test instructions` runs it under callgrind and compares what a time costs with `counts.txt`.

use std::{
    env,
    hint::black_box,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::ExitCode,
};

use actix_web::{
    App, Responder,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    get, rt, test,
};
use limiter_actix::{Headers, Limiter, LimiterBuilder, exempt, limit};
use limiter_core::{
    Clock, Key, Policy, Quota, Scope, Strategy, SystemClock,
    storage::{Batch, Hit, MemoryStorage},
};

const PLENTY: u64 = 1_000_000_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    let [_, scenario, times] = &arguments[..] else { return usage() };
    let Ok(times) = times.parse() else { return usage() };
    match scenario.as_str() {
        "one" => decide(times, 1, PLENTY, Strategy::FixedWindow),
        "one-refused" => decide(times, 1, 1, Strategy::FixedWindow),
        "one-sliding" => decide(times, 1, PLENTY, Strategy::SlidingWindowCounter),
        "one-bucket" => decide(times, 1, PLENTY, Strategy::TokenBucket),
        "two" => decide(times, 2, PLENTY, Strategy::FixedWindow),
        "four" => decide(times, 4, PLENTY, Strategy::FixedWindow),
        "two-scopes" => decide_in_two_scopes(times),
        "http-bare" => serve(times, "/plain", routes()),
        "http-bare-second" => serve(times, "/exempt", bare_routes()),
        "http-bare-third" => serve(times, "/limited", bare_routes()),
        "http-bare-fourth" => serve(times, "/spent", bare_routes()),
        "http-exempt" => serve(times, "/exempt", routes().wrap(limited(|it| it))),
        "http-two-defaults" => serve(times, "/plain", routes().wrap(limited(|it| it))),
        "http-route" => serve(times, "/limited", routes().wrap(limited(|it| it))),
        "http-x-ratelimit" => serve(times, "/plain", routes().wrap(limited(|it| it.headers(true)))),
        "http-ietf" => {
            serve(times, "/plain", routes().wrap(limited(|it| it.headers(Headers::IETF_DRAFT_11))));
        }
        "http-refused" => serve(times, "/spent", routes().wrap(limited(|it| it))),
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("count SCENARIO TIMES; the scenarios stand in counts.txt");
    ExitCode::FAILURE
}

fn client() -> IpAddr {
    Ipv4Addr::new(10, 0, 0, 7).into()
}

fn decide(times: u32, limits: usize, amount: u64, strategy: Strategy) {
    let (storage, clock, scope) = (MemoryStorage::new(), SystemClock::new(), Scope::new(["count"]));
    let policy = |label: usize| Policy::new(Quota::per_hour(amount), strategy).with_label(label.to_string());
    let policies = [0, 1, 2, 3].map(policy);
    for _ in 0..times {
        let key = Key::from(black_box(client()));
        let hits = policies.each_ref().map(|policy| Hit::new(&scope, &key, policy));
        let _ = black_box(storage.decide(&Batch::new(&hits[..limits]), clock.now()));
    }
}

fn decide_in_two_scopes(times: u32) {
    let (storage, clock) = (MemoryStorage::new(), SystemClock::new());
    let scopes = ["one", "other"].map(|name| Scope::new([name]));
    let policy = Policy::new(Quota::per_hour(PLENTY), Strategy::FixedWindow);
    for _ in 0..times {
        let key = Key::from(black_box(client()));
        let hits = scopes.each_ref().map(|scope| Hit::new(scope, &key, &policy));
        let _ = black_box(storage.decide(&Batch::new(&hits), clock.now()));
    }
}

#[get("/plain")]
async fn plain() -> impl Responder {
    "Hello"
}

#[exempt]
#[get("/exempt")]
async fn exempted() -> impl Responder {
    "Hello"
}

#[get("/exempt")]
async fn second() -> impl Responder {
    "Hello"
}

#[limit("1000000000/hour")]
#[get("/limited")]
async fn limited_route() -> impl Responder {
    "Hello"
}

#[get("/limited")]
async fn third() -> impl Responder {
    "Hello"
}

#[limit("0/hour")]
#[get("/spent")]
async fn spent() -> impl Responder {
    "Hello"
}

#[get("/spent")]
async fn fourth() -> impl Responder {
    "Hello"
}

fn limited(options: impl FnOnce(LimiterBuilder) -> LimiterBuilder) -> Limiter {
    let builder = Limiter::builder().default_limits("1000000000/hour; 2000000000/day");
    options(builder).build().expect("these limits are right")
}

/// The same routes without rules: actix takes longer for a later one.
fn bare_routes() -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new().service(plain).service(second).service(third).service(fourth)
}

fn routes() -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new().service(plain).service(exempted).service(limited_route).service(spent)
}

fn serve<B: MessageBody>(
    times: u32,
    path: &str,
    app: App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    >,
) {
    rt::System::new().block_on(async {
        let app = test::init_service(app).await;
        for _ in 0..times {
            let request = test::TestRequest::get().uri(path).peer_addr(SocketAddr::from((client(), 80)));
            black_box(test::call_service(&app, request.to_request()).await);
        }
    });
}
