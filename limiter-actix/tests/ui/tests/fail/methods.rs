//! Methods are HTTP tokens in upper case.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

#[limit("5/minute", methods = "get")]
#[get("/lower")]
async fn lower() -> impl Responder {
    "lower"
}

#[limit("5/minute", methods = ["GET", "Post"])]
#[get("/mixed")]
async fn mixed() -> impl Responder {
    "mixed"
}

#[limit("5/minute", methods = "GET, POST")]
#[get("/joined")]
async fn joined() -> impl Responder {
    "joined"
}

#[limit("5/minute", methods = [])]
#[get("/none")]
async fn none() -> impl Responder {
    "none"
}

#[limit("5/minute", methods = [GET])]
#[get("/no_text")]
async fn no_text() -> impl Responder {
    "no text"
}

fn main() {
    App::new().service(lower).service(mixed).service(joined).service(none).service(no_text);
}
