//! A login where only failures count: successful logins never lock a user out.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080.

use std::collections::HashMap;

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::{ResponseHead, ServiceRequest},
    http::StatusCode,
    post, web,
};
use limiter_actix::{Breach, Limiter, limit};

fn failed(response: &ResponseHead) -> bool {
    response.status == StatusCode::UNAUTHORIZED
}

/// Charged before the handler runs, and refunded if the login succeeds. A hundred concurrent guesses do not get
/// through, and disconnecting before the response does not make them free.
#[limit("3/minute", deduct_when = failed, on_breach = locked_out)]
#[post("/login")]
async fn login(form: web::Form<HashMap<String, String>>) -> HttpResponse {
    match form.get("password").map(String::as_str) {
        Some("secret") => HttpResponse::Ok().body("welcome\n"),
        _ => HttpResponse::Unauthorized().body("wrong password\n"),
    }
}

/// Returns the response to a refusal. The limiter adds `Retry-After` to it.
fn locked_out(breach: &Breach, _: &ServiceRequest) -> Option<HttpResponse> {
    let seconds = breach.retry_after()?.as_secs_f32().ceil();
    Some(HttpResponse::TooManyRequests().body(format!("locked out for another {seconds} seconds\n")))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let limiter = Limiter::builder().headers(true).build()?;

    let server = HttpServer::new(move || App::new().wrap(limiter.clone()).service(login)).bind(&address)?;

    println!("Listening on {address}. Try:");
    println!("  curl -i -d password=secret http://{address}/login  as often as you like");
    println!("  curl -i -d password=guess  http://{address}/login  3 a minute, then both are refused");
    Ok(server.run().await?)
}
