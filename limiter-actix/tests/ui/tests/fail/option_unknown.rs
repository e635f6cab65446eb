//! An unknown option names the one that was probably meant.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

#[limit("5/minute", method = "GET")]
#[get("/near")]
async fn near() -> impl Responder {
    "near"
}

#[limit("5/minute", colour = "red")]
#[get("/far")]
async fn far() -> impl Responder {
    "far"
}

fn main() {
    App::new().service(near).service(far);
}
