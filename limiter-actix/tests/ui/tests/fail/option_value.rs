//! An option has the value it needs.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

#[limit("5/minute", key)]
#[get("/missing")]
async fn missing() -> impl Responder {
    "missing"
}

#[limit("5/minute", key = "ip")]
#[get("/literal")]
async fn literal() -> impl Responder {
    "literal"
}

#[limit("5/minute", key: my_key)]
#[get("/colon")]
async fn colon() -> impl Responder {
    "colon"
}

#[limit("5/minute", shadow = "yes")]
#[get("/flag")]
async fn flag() -> impl Responder {
    "flag"
}

#[limit("5/minute", name = "café")]
#[get("/name")]
async fn name() -> impl Responder {
    "name"
}

#[limit("5/minute", name = "", shared = "")]
#[get("/blank")]
async fn blank() -> impl Responder {
    "blank"
}

#[limit("5/minute", error_message = 5)]
#[get("/message")]
async fn message() -> impl Responder {
    "message"
}

fn main() {
    App::new()
        .service(missing)
        .service(literal)
        .service(colon)
        .service(flag)
        .service(name)
        .service(blank)
        .service(message);
}
