//! Meta limits: a client that is refused too often is refused everywhere for a while.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080.

use actix_web::{App, HttpResponse, HttpServer, Responder, get};
use limiter_actix::{Breach, Limiter, exempt, limit};

#[limit("1 per 5 seconds")]
#[get("/slow")]
async fn slow() -> impl Responder {
    "slow"
}

#[get("/fast")]
async fn fast() -> impl Responder {
    "fast"
}

#[exempt]
#[get("/ping")]
async fn ping() -> impl Responder {
    "PONG"
}

fn banned(breach: &Breach) -> HttpResponse {
    HttpResponse::Forbidden().body(format!("limits were breached too often: {}\n", breach.quota()))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let limiter = Limiter::builder()
        .default_limits("60/minute")
        .meta_limits("3 per 1 minute; 20/day")
        .on_meta_breach(|breach, _| Some(banned(breach)))
        .build()?;

    let server =
        HttpServer::new(move || App::new().wrap(limiter.clone()).service(slow).service(fast).service(ping))
            .bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -i http://{address}/slow  once in 5 seconds, else 429; after three of these 403");
    println!("  curl -i http://{address}/fast  60 a minute, but 403 while the ban lasts");
    println!("  curl -i http://{address}/ping  always, since it is exempt");
    Ok(server.run().await?)
}
