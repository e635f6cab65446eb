//! Four routes with the limits of Flask-Limiter's quickstart.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080. Counts in memory, or in the storage of
//! `RATELIMIT_STORAGE_URI`: `RATELIMIT_STORAGE_URI=redis://127.0.0.1:6379 cargo run --features redis --example
//! quickstart`. The features `memcached` (`memcached://127.0.0.1:11211`) and `mongodb`
//! (`mongodb://127.0.0.1:27017`) work likewise.

use actix_web::{App, HttpServer, Responder, get};
use limiter_actix::{Limiter, exempt, limit};

#[limit("1 per day")]
#[get("/slow")]
async fn slow() -> impl Responder {
    ":("
}

#[limit("1/second", override_defaults = false)]
#[get("/medium")]
async fn medium() -> impl Responder {
    ":|"
}

#[get("/fast")]
async fn fast() -> impl Responder {
    ":)"
}

#[exempt]
#[get("/ping")]
async fn ping() -> impl Responder {
    "PONG"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let limiter =
        Limiter::builder().default_limits(["200 per day", "50 per hour"]).headers(true).from_env().build()?;

    let server = HttpServer::new(move || {
        App::new().wrap(limiter.clone()).service(slow).service(medium).service(fast).service(ping)
    })
    .bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -i http://{address}/slow    once a day, then 429");
    println!("  curl -i http://{address}/medium  once a second, and within the default limits");
    println!("  curl -i http://{address}/fast    200 a day and 50 an hour, the default limits");
    println!("  curl -i http://{address}/ping    as often as you like");
    Ok(server.run().await?)
}
