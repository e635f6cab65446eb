//! Customers with different limits: free, basic and premium, computed from the request.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080.

use actix_web::{App, HttpServer, Responder, dev::ServiceRequest, get};
use limiter_actix::{Key, Limiter, limit};

/// Returns the customer with this API key and its tier. In a real application, this is a table that can change.
fn customer(req: &ServiceRequest) -> Option<(&'static str, &'static str)> {
    match req.headers().get("x-api-key")?.to_str().ok()? {
        "b-1" => Some(("bob", "basic")),
        "p-1" => Some(("paula", "premium")),
        _ => None,
    }
}

/// Called for each request. A customer who changes tier gets its limit at once, and starts from zero.
fn by_tier(req: &ServiceRequest) -> &'static str {
    match customer(req) {
        Some((_, "premium")) => "50/minute; 10/second",
        Some((_, "basic")) => "10/minute",
        _ => "3/minute",
    }
}

/// Counts requests without a valid API key by address, so that an invented one gets no fresh count.
fn who(req: &ServiceRequest) -> Option<Key> {
    customer(req).map(|(name, _)| Key::text("customer", name))
}

#[limit(by_tier, key = who)]
#[get("/generate")]
async fn generate() -> impl Responder {
    "a poem"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let limiter = Limiter::builder().headers(true).build()?;

    let server =
        HttpServer::new(move || App::new().wrap(limiter.clone()).service(generate)).bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -i http://{address}/generate                      3 a minute: free");
    println!("  curl -i -H 'x-api-key: b-1' http://{address}/generate  10 a minute: basic");
    println!("  curl -i -H 'x-api-key: p-1' http://{address}/generate  50 a minute, 10 a second: premium");
    Ok(server.run().await?)
}
