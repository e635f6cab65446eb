//! A constant is a text or a quota.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

const FIVE: u64 = 5;

#[limit(FIVE)]
#[get("/number")]
async fn number() -> impl Responder {
    "number"
}

#[limit(NOBODY)]
#[get("/missing")]
async fn missing() -> impl Responder {
    "missing"
}

fn main() {
    App::new().service(number).service(missing);
}
