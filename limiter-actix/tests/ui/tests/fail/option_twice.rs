//! Each option is given at most once.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

#[limit("5/minute", cost = 2, per_method, cost = 3)]
#[get("/")]
async fn index() -> impl Responder {
    "index"
}

fn main() {
    App::new().service(index);
}
