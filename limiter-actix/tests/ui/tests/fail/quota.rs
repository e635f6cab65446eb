//! A quota is a text, comes first, and is parsed at compile time.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

#[limit("5/fortnight")]
#[get("/unit")]
async fn unit() -> impl Responder {
    "unit"
}

#[limit("100/day; 10/0 hours")]
#[get("/window")]
async fn window() -> impl Responder {
    "window"
}

#[limit("5/m")]
#[get("/minute_or_month")]
async fn minute_or_month() -> impl Responder {
    "minute or month"
}

#[limit("")]
#[get("/nothing")]
async fn nothing() -> impl Responder {
    "nothing"
}

#[limit(5 / minute)]
#[get("/no_text")]
async fn no_text() -> impl Responder {
    "no text"
}

#[limit("5/minute", "10/hour")]
#[get("/two")]
async fn two() -> impl Responder {
    "two"
}

#[limit(cost = 2, "5/minute")]
#[get("/second")]
async fn second() -> impl Responder {
    "second"
}

#[limit("5/minute", meta = "3/fortnight")]
#[get("/meta")]
async fn meta() -> impl Responder {
    "meta"
}

fn main() {
    App::new()
        .service(unit)
        .service(window)
        .service(minute_or_month)
        .service(nothing)
        .service(no_text)
        .service(two)
        .service(second)
        .service(meta);
}
