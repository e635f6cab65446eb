//! The same server with two default limits, a limit and an exemption.

use std::error::Error;

use actix_web::{App, HttpServer, Responder, get};
use limiter_actix::{Limiter, exempt, limit};

#[get("/")]
async fn index() -> impl Responder {
    "index"
}

#[limit("5/minute")]
#[get("/search")]
async fn search() -> impl Responder {
    "found"
}

#[exempt]
#[get("/health")]
async fn health() -> impl Responder {
    "ok"
}

#[get("/users/{id}")]
async fn user() -> impl Responder {
    "user"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let limiter = Limiter::builder().default_limits("200 per day; 50 per hour").build()?;
    let app =
        move || App::new().wrap(limiter.clone()).service(index).service(search).service(health).service(user);
    Ok(HttpServer::new(app).bind(("127.0.0.1", 8080))?.run().await?)
}
