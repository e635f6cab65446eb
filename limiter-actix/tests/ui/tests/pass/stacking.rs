//! Stacked, mixed, imported under other names and written with their paths.
#![deny(warnings)]

use actix_web::{App, Responder, get, routes};
use limiter_actix::{exempt as free, limit, limit as rl};

#[rl("100/day")]
#[limit("10/hour")]
#[limiter_actix::limit("1/second")]
#[free(default)]
#[rl("5/minute")]
#[limiter_actix::exempt(meta, scopes)]
#[get("/")]
async fn index() -> impl Responder {
    "index"
}

#[allow(clippy::unused_async)]
#[rl("10/hour")]
/// Documentation in between.
#[inline]
#[limit("1/second")]
#[cfg_attr(all(), rl("5/minute"), allow(clippy::todo))]
#[cfg_attr(any(), rl("not even read"))]
#[routes]
#[must_use]
#[get("/a")]
#[allow(clippy::pedantic)]
#[get("/b")]
async fn mixed() -> impl Responder {
    "mixed"
}

#[test]
fn passes() {
    let _ = App::new().service(index).service(mixed);
}
