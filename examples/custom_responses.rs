//! Custom refusals: messages, a response of one limit, one of the limiter, and a page of the site.
//!
//! Listens on `ADDR`, which defaults to 127.0.0.1:8080.

use actix_web::{
    App, HttpMessage, HttpRequest, HttpResponse, HttpServer, Responder,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    get,
    http::{
        StatusCode,
        header::{ACCEPT, ACCEPT_LANGUAGE, AsHeaderName, CONTENT_TYPE, HeaderValue, LOCATION},
    },
    middleware::{ErrorHandlerResponse, ErrorHandlers},
};
use limiter_actix::{Breach, Limiter, limit};
use serde_json::json;

/// Refuses with another text than `1 per 1 minute`.
#[limit("1/minute", error_message = "One letter a minute, please.")]
#[get("/letter")]
async fn letter() -> impl Responder {
    "sent\n"
}

/// Returns a text that depends on the request.
#[limit("1/minute", error_message = in_their_language)]
#[get("/greeting")]
async fn greeting() -> impl Responder {
    "hello\n"
}

fn in_their_language(req: &ServiceRequest) -> &'static str {
    let is_german = says(req.request(), ACCEPT_LANGUAGE, "de");
    if is_german { "Bitte etwas langsamer." } else { "A little slower, please." }
}

/// Returns a response with any status, to which `Retry-After` is added. `None` leaves it to the limiter's.
#[limit("1/minute", on_breach = to_the_waiting_room)]
#[get("/tickets")]
async fn tickets() -> impl Responder {
    "a ticket\n"
}

fn to_the_waiting_room(breach: &Breach, _: &ServiceRequest) -> Option<HttpResponse> {
    let room = format!("/waiting-room?seconds={}", breach.retry_after_secs()?);
    Some(HttpResponse::SeeOther().insert_header((LOCATION, room)).finish())
}

#[get("/waiting-room")]
async fn waiting_room() -> impl Responder {
    "please wait\n"
}

/// Refuses by itself, for a reason unrelated to limits.
#[get("/busy")]
async fn busy() -> impl Responder {
    HttpResponse::TooManyRequests().body("all printers are busy\n")
}

/// Returns the response for all limits without their own.
fn as_json(breach: &Breach, _: &ServiceRequest) -> HttpResponse {
    let body = json!({
        "error": "too many requests",
        "message": breach.message(),
        "limit": breach.quota().to_string(),
        "wait": breach.retry_after_secs(),
    });
    HttpResponse::TooManyRequests().json(body)
}

/// Sends browsers the error page of the site. Wrapped outside the limiter, it handles the limiter's refusals.
/// Refusals by handlers have no `Breach` and stay unchanged.
#[allow(clippy::unnecessary_wraps, reason = "the type of error handlers")]
fn site_page<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
) -> actix_web::Result<ErrorHandlerResponse<B>> {
    let breach = response.request().extensions().get::<Breach>().cloned();
    let for_browsers = says(response.request(), ACCEPT, "text/html");
    let Some(breach) = breach.filter(|_| for_browsers) else {
        return Ok(ErrorHandlerResponse::Response(response.map_into_left_body()));
    };
    // `Breach::message` would need to be escaped here.
    let wait = breach.retry_after_secs().map_or("later".to_owned(), |wait| format!("in {wait} seconds"));
    let page = format!("<!doctype html><title>My site</title><h1>Too fast</h1><p>Please come back {wait}.\n");
    // The other headers stay, including `Retry-After`.
    let response = response.map_body(|head, _| {
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        BoxBody::new(page)
    });
    Ok(ErrorHandlerResponse::Response(response.map_into_right_body()))
}

fn says(req: &HttpRequest, name: impl AsHeaderName, text: &str) -> bool {
    req.headers().get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(text))
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let limiter = Limiter::builder().on_breach(as_json).build()?;

    let server = HttpServer::new(move || {
        App::new()
            .service(letter)
            .service(greeting)
            .service(tickets)
            .service(waiting_room)
            .service(busy)
            .wrap(limiter.clone())
            // Wrapped last, so it is outside.
            .wrap(ErrorHandlers::new().handler(StatusCode::TOO_MANY_REQUESTS, site_page))
    })
    .bind(&address)?;

    println!("Listening on {address}. Try each twice:");
    println!("  curl -i http://{address}/letter                            JSON, with a message");
    println!("  curl -i -H 'Accept-Language: de' http://{address}/greeting JSON, with a message in German");
    println!("  curl -i -H 'Accept: text/html' http://{address}/letter     the page of the site");
    println!("  curl -i http://{address}/tickets                           303, to the waiting room");
    println!("  curl -i http://{address}/busy                              429 of the handler's own");
    Ok(server.run().await?)
}
