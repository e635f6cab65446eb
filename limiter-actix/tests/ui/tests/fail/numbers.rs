//! Costs and bursts are whole numbers.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

#[limit("5/minute", cost = -1)]
#[get("/negative")]
async fn negative() -> impl Responder {
    "negative"
}

#[limit("5/minute", cost = 1.5)]
#[get("/fraction")]
async fn fraction() -> impl Responder {
    "fraction"
}

#[limit("5/minute", cost = "2")]
#[get("/text")]
async fn text() -> impl Responder {
    "text"
}

#[limit("5/minute", cost = 99999999999999999999)]
#[get("/large")]
async fn large() -> impl Responder {
    "large"
}

#[limit("5/minute", burst = 0)]
#[get("/zero")]
async fn zero() -> impl Responder {
    "zero"
}

fn main() {
    App::new().service(negative).service(fraction).service(text).service(large).service(zero);
}
