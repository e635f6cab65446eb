//! Requests with different costs: uploads, by size.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080.

use actix_web::{App, HttpServer, Responder, dev::ServiceRequest, http::header::CONTENT_LENGTH, post, web};
use limiter_actix::{Limiter, limit};

const MEGABYTE: u64 = 1_000_000;
const LARGEST: u64 = 5;

/// Returns one unit for each started megabyte. A body without a length costs as much as the largest upload.
fn megabytes(req: &ServiceRequest) -> u64 {
    let length = req.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    length.map_or(LARGEST, |length| length.div_ceil(MEGABYTE).max(1))
}

/// Limited before the body is read, so a refused upload takes no memory.
#[limit("10/minute", cost = megabytes, name = "megabytes")]
#[post("/upload")]
async fn upload(body: web::Bytes) -> impl Responder {
    format!("took {} bytes\n", body.len())
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let limiter = Limiter::builder().headers(true).build()?;

    let server = HttpServer::new(move || {
        let most = usize::try_from(LARGEST * MEGABYTE).unwrap_or(usize::MAX);
        App::new().wrap(limiter.clone()).app_data(web::PayloadConfig::new(most)).service(upload)
    })
    .bind(&address)?;

    println!("Listening on {address}. Try, within one minute:");
    println!("  head -c 100     /dev/zero | curl -i --data-binary @- http://{address}/upload  takes 1 of 10");
    println!(
        "  head -c 3500000 /dev/zero | curl -i --data-binary @- http://{address}/upload  takes 4, twice"
    );
    println!(
        "  head -c 100     /dev/zero | curl -i --data-binary @- http://{address}/upload  fits: 1 was left"
    );
    println!("  head -c 100     /dev/zero | curl -i -X POST -T - http://{address}/upload      no length: 5");
    Ok(server.run().await?)
}
