//! The inspector: see and steer a running limiter in the browser.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080. `LIMITER_VIEW_TOKEN` and `LIMITER_CHANGE_TOKEN` are the tokens.

use actix_web::{App, HttpServer, Responder, get};
use limiter_actix::{InspectorTokens, Limiter, exempt, limit};

#[limit("5/minute", name = "searches")]
#[get("/search")]
async fn search() -> impl Responder {
    "found"
}

#[exempt]
#[get("/health")]
async fn health() -> impl Responder {
    "ok"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    // Both from the environment: an app without a token does not start.
    let tokens = InspectorTokens::from_env("LIMITER_VIEW_TOKEN", "LIMITER_CHANGE_TOKEN")?;
    let limiter = Limiter::builder().default_limits("60/minute").top_clients(true).build()?;

    let server = HttpServer::new(move || {
        App::new()
            .wrap(limiter.clone())
            .service(limiter.inspector("/limiter").authorize(tokens.clone()))
            .service(search)
            .service(health)
    })
    .bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -i http://{address}/search  5 a minute, else 429");
    println!("  http://{address}/limiter in a browser: any name, and a token as the password");
    Ok(server.run().await?)
}
