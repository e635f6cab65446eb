//! An app behind nginx: each client has its own count, and none gets another by forging a header.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080. The nginx in front of it needs this:
//!
//! ```nginx
//! server {
//!     listen 80;
//!     location / {
//!         proxy_pass http://127.0.0.1:8080;
//!         # Appends the address that has connected to nginx to the header of the client.
//!         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
//!     }
//! }
//! ```
//!
//! Without nginx, curl plays the proxy, since it connects from 127.0.0.1, which is trusted here. A client that
//! can connect from a trusted address can claim any address. If the app should be reached through the proxy
//! only, let it listen where only the proxy can connect.

use actix_web::{App, HttpRequest, HttpServer, dev::ServiceRequest, get};
use limiter_actix::{Limiter, TrustedProxies, key, limit};

/// Uses `key::client_ip`, since `HttpRequest::peer_addr` returns the address of nginx.
#[limit("3/minute")]
#[get("/")]
async fn index(req: HttpRequest) -> String {
    let req = ServiceRequest::from_request(req);
    match key::client_ip(&req) {
        Some(client) => format!("hello {client}\n"),
        None => "hello\n".to_owned(),
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    // All proxies on the way, and no other address: here nginx on the same machine. With a load balancer in
    // front of nginx, add its networks. For proxies that write another header, see docs/keys.md.
    let proxies = TrustedProxies::x_forwarded_for().networks(["127.0.0.1", "::1"]);
    let limiter = Limiter::builder().trusted_proxies(proxies).headers(true).build()?;

    let server = HttpServer::new(move || App::new().wrap(limiter.clone()).service(index)).bind(&address)?;

    println!("Listening on {address}. Try, as the proxy:");
    println!("  curl -i -H 'X-Forwarded-For: 192.0.2.1' http://{address}/           3 a minute");
    println!("  curl -i -H 'X-Forwarded-For: 192.0.2.2' http://{address}/           another client: 3 more");
    println!("  curl -i -H 'X-Forwarded-For: 6.6.6.6, 192.0.2.1' http://{address}/  192.0.2.1, who lies");
    Ok(server.run().await?)
}
