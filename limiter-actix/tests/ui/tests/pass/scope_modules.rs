//! Above a `#[scope]` module; what the attributes name is looked up where they stand.
#![deny(warnings, missing_docs)]

use actix_web::{App, dev::ServiceRequest, scope};
use limiter_actix::{exempt, limit, limit as rl};

fn key(_: &ServiceRequest) -> &'static str {
    "key"
}

/// Documented.
#[limit("5/minute", key = self::key)]
#[rl("10/hour", override_defaults = false, key = |_: &ServiceRequest| "all")]
#[exempt(default)]
#[allow(clippy::pedantic)]
#[scope("/v1")]
pub mod v1 {
    //! Documented inside as well.
    #![allow(clippy::todo)]

    use actix_web::{HttpResponse, Responder, get, post, routes};
    use limiter_actix::{exempt, limit};

    fn other_key(_: &actix_web::dev::ServiceRequest) -> &'static str {
        "other key"
    }

    /// Documented.
    #[get("/plain")]
    pub async fn plain() -> impl Responder {
        "plain"
    }

    #[limit("1/second", key = other_key)]
    /// In between.
    #[exempt(meta)]
    #[post("/limited", name = "limited")]
    pub async fn limited() -> impl Responder {
        "limited"
    }

    #[routes]
    #[get("/a")]
    #[get("/b")]
    pub(crate) async fn several() -> HttpResponse {
        helper()
    }

    #[cfg(any())]
    #[get("/never")]
    pub async fn never() -> impl Nothing {}

    #[must_use]
    fn helper() -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    #[limit("3/minute", key = other_key)]
    #[actix_web::scope("/users")]
    pub(super) mod users {
        #[actix_web::get("/list")]
        pub async fn list() -> impl actix_web::Responder {
            "list"
        }

        /// Without limits of its own.
        #[actix_web::scope("/deep")]
        pub mod deep {
            use super::super::HttpResponse;

            #[actix_web::get("/list")]
            pub async fn list() -> HttpResponse {
                super::super::helper()
            }
        }
    }
}

#[exempt]
#[cfg(any())]
#[scope("/nowhere")]
mod nowhere {}

#[exempt]
#[cfg(not(any()))]
#[scope("")]
mod r#type {
    #[actix_web::get("/nothing")]
    pub async fn nothing() -> &'static str {
        "nothing"
    }
}

/// Not mounted.
#[limit("5/minute")]
#[scope("/unused")]
#[allow(dead_code)]
mod unused {
    #[actix_web::get("/nothing")]
    pub async fn nothing() -> &'static str {
        "nothing"
    }
}

#[test]
fn passes() {
    #[limit("5/minute")]
    #[scope("/inside")]
    mod inside {
        #[actix_web::get("/a")]
        pub async fn a() -> &'static str {
            "a"
        }

        #[limiter_actix::exempt]
        #[actix_web::scope("/b")]
        pub mod b {
            #[actix_web::get("/b")]
            pub async fn b() -> &'static str {
                "b"
            }
        }
    }

    let app = App::new().service(v1::plain).service(v1::limited).service(v1::several);
    let app = app.service(v1::users::list).service(v1::users::deep::list).service(r#type::nothing);
    let _ = app.service(inside::a).service(inside::b::b);
}
