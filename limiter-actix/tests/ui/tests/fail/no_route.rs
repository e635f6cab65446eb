//! There is no route attribute at all.

use actix_web::{App, Responder, web};
use limiter_actix::{exempt, limit};

#[limit("5/minute")]
async fn index() -> impl Responder {
    "index"
}

#[exempt]
async fn health() -> impl Responder {
    "health"
}

fn main() {
    App::new().route("/", web::get().to(index)).route("/health", web::get().to(health));
}
