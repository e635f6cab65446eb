//! A scope is a `web::scope`. A shared count has another name.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

#[limit("5/minute", scope = "login")]
#[get("/")]
async fn index() -> impl Responder {
    "index"
}

fn main() {
    App::new().service(index);
}
