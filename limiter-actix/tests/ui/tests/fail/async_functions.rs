//! Async functions are marked by `async`, and others are not.

use actix_web::{dev::ServiceRequest, get};
use limiter_actix::{Key, Limit, Limiter, Quota, limit};

async fn user(_: &ServiceRequest) -> Option<Key> {
    None
}

async fn plan(_: &ServiceRequest) -> Quota {
    Quota::per_minute(5)
}

async fn size(_: &ServiceRequest) -> u64 {
    1
}

fn known_user(_: &ServiceRequest) -> Option<Key> {
    None
}

#[limit(plan)]
#[limit("5/minute", key = user)]
#[limit("5/minute", cost = size)]
#[get("/")]
async fn index() -> &'static str {
    "unmarked"
}

#[limit("5/minute", key = async known_user)]
#[get("/marked")]
async fn marked() -> &'static str {
    "marked without need"
}

fn main() {
    let _ = Limit::dynamic(plan).key(user);
    let _ = Limit::new(Quota::per_minute(5)).cost_async(async |_: &ServiceRequest| "1");
    let _ = Limiter::builder().key(user).key_async(known_user);
    let _ = (index, marked);
}
