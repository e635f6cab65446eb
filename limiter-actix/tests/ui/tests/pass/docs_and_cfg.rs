//! Documentation reaches the service; `cfg` decides about the whole of it.
#![deny(warnings, missing_docs)]

use actix_web::{App, Responder, get, post};
use limiter_actix::{exempt, limit};

/// Handlers.
pub mod handlers {
    use super::*;

    /// Documented above the limit.
    #[limit("5/minute")]
    #[get("/above")]
    pub async fn above() -> impl Responder {
        "above"
    }

    #[exempt]
    /// Documented in between,
    /// in two lines.
    #[get("/between")]
    pub async fn between() -> impl Responder {
        "between"
    }

    #[limit("5/minute")]
    #[post("/below")]
    #[doc = "Documented below."]
    pub async fn below() -> impl Responder {
        "below"
    }

    #[cfg(any())]
    #[limit("5/minute")]
    #[get("/never")]
    pub async fn never() -> impl Nothing {}

    #[limit("5/minute")]
    #[cfg(any())]
    #[get("/never")]
    pub async fn never() -> impl Nothing {}

    #[limit("5/minute")]
    #[get("/never")]
    #[cfg(any())]
    pub async fn never() -> impl Nothing {}

    /// There in one of two ways.
    #[limit("5/minute")]
    #[cfg(any())]
    #[get("/one")]
    pub async fn one() -> impl Responder {
        "not this"
    }

    /// There in one of two ways.
    #[limit("5/minute")]
    #[cfg(not(any()))]
    #[get("/one")]
    pub async fn one() -> impl Responder {
        "this"
    }
}

#[test]
fn passes() {
    use handlers::{above, below, between, one};
    let _ = App::new().service(above).service(between).service(below).service(one);
}
