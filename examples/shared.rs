//! One count for several routes and scopes: by a name, or by a function that returns the name.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080.

use actix_web::{App, HttpServer, Responder, dev::ServiceRequest, get, web};
use limiter_actix::{Limit, Limiter, Quota, ScopeExt, limit};

/// Thumbnails and previews share one count of 4 a minute.
#[limit("4/minute", shared = "images")]
#[get("/thumbnail")]
async fn thumbnail() -> impl Responder {
    "a thumbnail"
}

#[limit("4/minute", shared = "images")]
#[get("/preview")]
async fn preview() -> impl Responder {
    "a preview"
}

/// Returns a name for the country of a request, from a header that the proxy sets.
fn country(req: &ServiceRequest) -> String {
    let country = req.headers().get("x-country").and_then(|value| value.to_str().ok());
    format!("news of {}", country.unwrap_or("nowhere"))
}

#[limit("2/minute", shared = country)]
#[get("/news")]
async fn news() -> impl Responder {
    "news"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let limiter = Limiter::builder().headers(true).build()?;

    let server = HttpServer::new(move || {
        let images = Limit::new(Quota::per_minute(4)).shared("images");
        App::new().wrap(limiter.clone()).service(thumbnail).service(preview).service(news).service(
            web::scope("/albums").limit(images).route("/{album}", web::get().to(|| async { "an album" })),
        )
    })
    .bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -i http://{address}/thumbnail   4 a minute, together with the next two");
    println!("  curl -i http://{address}/preview");
    println!("  curl -i http://{address}/albums/1");
    println!("  curl -i -H 'x-country: se' http://{address}/news   2 a minute for each country");
    Ok(server.run().await?)
}
