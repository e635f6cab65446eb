//! Where the route attribute itself is wrong, actix-web's message is there, and no noise on top of it.

use actix_web::{App, HttpResponse, get, routes};
use limiter_actix::limit;

#[limit("5/minute")]
#[get(index)]
async fn no_text() -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[limit("5/minute")]
#[get("/no_answer")]
async fn no_answer() {}

#[limit("5/minute")]
#[routes]
async fn no_routes() -> HttpResponse {
    HttpResponse::Ok().finish()
}

fn main() {
    let _ = App::new();
}
