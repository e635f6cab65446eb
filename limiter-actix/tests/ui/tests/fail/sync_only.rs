//! Functions that make a response, or look at one, await nothing.

use actix_web::{App, HttpResponse, Responder, dev::{ResponseHead, ServiceRequest}, get};
use limiter_actix::{Breach, Limit, Limiter, Quota, limit};

async fn failed(response: &ResponseHead) -> bool {
    response.status.is_client_error()
}

async fn respond(_: &Breach, _: &ServiceRequest) -> HttpResponse {
    HttpResponse::TooManyRequests().finish()
}

#[limit("5/minute", deduct_when = failed)]
#[get("/deduct")]
async fn deduct() -> impl Responder {
    "deduct"
}

#[limit("5/minute", on_breach = respond)]
#[get("/respond")]
async fn breach() -> impl Responder {
    "breach"
}

fn main() {
    App::new().service(deduct).service(breach);
    let _limit = Limit::new(Quota::per_minute(5)).deduct_when(async |_| true);
    let _builder = Limiter::builder().on_breach(|_, _| async { HttpResponse::Ok().finish() });
}
