//! What one can be exempt from, and only once.

use actix_web::{App, Responder, get};
use limiter_actix::exempt;

#[exempt(defaults)]
#[get("/unknown")]
async fn unknown() -> impl Responder {
    "unknown"
}

#[exempt("default")]
#[get("/text")]
async fn text() -> impl Responder {
    "text"
}

#[exempt(default, meta, default)]
#[get("/twice")]
async fn twice() -> impl Responder {
    "twice"
}

#[exempt(default, meta)]
#[exempt(meta)]
#[get("/stacked")]
async fn stacked() -> impl Responder {
    "stacked"
}

#[exempt]
#[exempt(default)]
#[get("/all")]
async fn all() -> impl Responder {
    "all"
}

fn main() {
    App::new().service(unknown).service(text).service(twice).service(stacked).service(all);
}
