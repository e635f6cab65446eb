//! The same server with the one limit of actix-governor, the peer.

use std::io;

use actix_governor::{Governor, GovernorConfig};
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
    let config = GovernorConfig::default();
    let app = move || {
        App::new().wrap(Governor::new(&config)).service(index).service(search).service(health).service(user)
    };
    HttpServer::new(app).bind(("127.0.0.1", 8080))?.run().await
}
