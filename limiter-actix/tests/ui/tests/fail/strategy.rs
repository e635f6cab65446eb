//! A strategy is checked by its name; only one of them has a burst.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

#[limit("5/minute", strategy = "leaky-bucket")]
#[get("/unknown")]
async fn unknown() -> impl Responder {
    "unknown"
}

#[limit("5/minute", burst = 10, strategy = "moving-window")]
#[get("/burst")]
async fn burst() -> impl Responder {
    "burst"
}

#[limit("5/minute", burst = 10)]
#[get("/lost")]
async fn lost() -> impl Responder {
    "lost"
}

fn main() {
    App::new().service(unknown).service(burst).service(lost);
}
