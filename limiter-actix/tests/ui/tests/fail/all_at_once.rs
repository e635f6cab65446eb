//! All mistakes of an attribute are reported, also under another name, and other attributes are still read.

use actix_web::{App, Responder, get};
use limiter_actix::{exempt, limit as rate};

#[rate("5/minit", costs = 2, burst = 0)]
#[exempt(everything)]
#[rate("10/hour", methods = "get")]
#[get("/")]
async fn index() -> impl Responder {
    "index"
}

fn main() {
    App::new().service(index);
}
