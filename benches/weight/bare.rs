//! A server of four routes, without a limiter.

use std::io;

use actix_web::{App, HttpServer, Responder, get};

#[get("/")]
async fn index() -> impl Responder {
    "index"
}

#[get("/search")]
async fn search() -> impl Responder {
    "found"
}

#[get("/health")]
async fn health() -> impl Responder {
    "ok"
}

#[get("/users/{id}")]
async fn user() -> impl Responder {
    "user"
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let app = || App::new().service(index).service(search).service(health).service(user);
    HttpServer::new(app).bind(("127.0.0.1", 8080))?.run().await
}
