//! Mistakes in expressions are found where the user wrote them.

use actix_web::{App, Responder, get};
use limiter_actix::limit;

#[limit("5/minute; 10/hour", key = nobody)]
#[get("/key")]
async fn key() -> impl Responder {
    "key"
}

#[limit(self::no_tier, cost = crate::no_cost)]
#[get("/tier")]
async fn tier() -> impl Responder {
    "tier"
}

fn main() {
    App::new().service(key).service(tier);
}
