//! A limit needs at least a quota.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

#[limit()]
#[get("/a")]
async fn a() -> impl Responder {
    "a"
}

#[limit]
#[get("/b")]
async fn b() -> impl Responder {
    "b"
}

fn main() {
    App::new().service(a).service(b);
}
