//! Limits on scopes: inherited, overridden, added to, and lifted.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080.

use actix_web::{App, HttpServer, Responder, get, web};
use limiter_actix::{Exempt, Limit, Limiter, Quota, ScopeExt, limit};

#[get("/list")]
async fn list() -> impl Responder {
    "a list"
}

#[limit("1 per 10 seconds")]
#[get("/search")]
async fn search() -> impl Responder {
    "found"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let limiter = Limiter::builder().default_limits("20/minute").headers(true).build()?;

    let server = HttpServer::new(move || {
        // `reports` adds to the outer limits; `api` overrides the default limits.
        let more = Limit::new(Quota::per_minute(3)).override_defaults(false);
        let reports = web::scope("/reports").limit(more).service(list);
        let api = web::scope("/api").limit(Quota::per_minute(10)).service(list).service(search);

        App::new()
            .wrap(limiter.clone())
            .service(list)
            .service(api.service(reports))
            .service(web::scope("/status").exempt(Exempt::ALL).service(list))
    })
    .bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -i http://{address}/list              20 a minute, the default limit");
    println!("  curl -i http://{address}/api/list          10 a minute, the limit of the scope");
    println!("  curl -i http://{address}/api/search        once in 10 seconds, its own limit instead");
    println!(
        "  curl -i http://{address}/api/reports/list  3 a minute, besides those of /api and the default"
    );
    println!("  curl -i http://{address}/status/list       as often as you like");
    Ok(server.run().await?)
}
