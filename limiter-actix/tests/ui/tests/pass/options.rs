//! Every option of `#[limit]`, and each way to write it.
#![deny(warnings)]

use actix_web::{
    App, HttpResponse, Responder,
    dev::{ResponseHead, ServiceRequest},
    get, route,
};
use limiter_actix::{Breach, Strategy, limit};

const STRATEGY: Strategy = Strategy::SlidingWindowCounter;

fn text(_: &ServiceRequest) -> &'static str {
    "text"
}

fn cost(req: &ServiceRequest) -> u64 {
    req.headers().len() as u64
}

fn yes(_: &ServiceRequest) -> bool {
    true
}

fn failed(response: &ResponseHead) -> bool {
    response.status.is_client_error()
}

fn message(_: &ServiceRequest) -> String {
    String::new()
}

fn answer(_: &Breach, _: &ServiceRequest) -> Option<HttpResponse> {
    None
}

#[limit(
    "100/day; 10 per 2 hours | 3/min",
    key = text,
    cost = 2,
    burst = 200,
    exempt_when = yes,
    deduct_when = failed,
    refund_on_drop,
    methods = ["GET", "POST"],
    per_method,
    override_defaults = false,
    error_message = "slow down",
    strategy = "token-bucket",
    name = "all of them",
    on_breach = answer,
    shared = "shared",
    meta = "3/hour; 10/day",
    shadow,
)]
#[route("/literals", method = "GET", method = "POST")]
async fn literals() -> impl Responder {
    "literals"
}

#[limit(
    text,
    shadow = false,
    shared = message,
    on_breach = |_, _| None,
    strategy = STRATEGY,
    error_message = message,
    override_defaults,
    per_method = true,
    methods = "GET",
    deduct_when = |response| response.status.is_success(),
    exempt_when = |req| req.path().is_empty(),
    cost = cost,
    key = |req: &ServiceRequest| req.path().to_owned(),
)]
#[get("/expressions")]
async fn expressions() -> impl Responder {
    "expressions"
}

macro_rules! limited {
    ($name:ident, $path:literal, $quota:literal, $cost:expr, $methods:expr, $key:expr) => {
        #[limit($quota, cost = $cost, methods = $methods, key = $key)]
        #[get($path)]
        async fn $name() -> impl Responder {
            stringify!($name)
        }
    };
}

limited!(by_macro, "/by_macro", "5/minute", 2, ["GET"], text);

#[test]
fn passes() {
    let _ = App::new().service(literals).service(expressions).service(by_macro);
}
