//! Below the route attribute the limit could not be known before routing.

use actix_web::{App, Responder, get, routes};
use limiter_actix::{exempt, limit};

#[get("/")]
#[limit("5/minute")]
async fn index() -> impl Responder {
    "index"
}

#[get("/health")]
#[exempt]
async fn health() -> impl Responder {
    "health"
}

#[limit("5/minute")]
#[get("/both")]
#[limit("10/hour")]
async fn both() -> impl Responder {
    "both"
}

#[routes]
#[limit("5/minute")]
#[get("/a")]
#[get("/b")]
async fn several() -> impl Responder {
    "several"
}

fn main() {
    App::new().service(index).service(health).service(both).service(several);
}
