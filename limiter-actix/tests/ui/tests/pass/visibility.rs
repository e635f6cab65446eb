//! A handler is as visible as it says, and sees what a handler sees.
#![deny(warnings)]

use actix_web::{App, dev::ServiceRequest};

fn key(_: &ServiceRequest) -> &'static str {
    "key"
}

pub mod outer {
    use actix_web::dev::ServiceRequest;

    pub fn cost(_: &ServiceRequest) -> u64 {
        1
    }

    pub mod inner {
        use actix_web::{Responder, dev::ServiceRequest, get};
        use limiter_actix::limit;

        fn quota(_: &ServiceRequest) -> &'static str {
            "5/minute"
        }

        #[limit(self::quota, key = super::super::key, cost = super::cost)]
        #[get("/public")]
        pub async fn public() -> impl Responder {
            "public"
        }

        #[limit("5/minute", key = crate::visibility::key)]
        #[get("/of_crate")]
        pub(crate) async fn of_crate() -> impl Responder {
            "of crate"
        }

        #[limit("5/minute")]
        #[get("/of_super")]
        pub(super) async fn of_super() -> impl Responder {
            "of super"
        }

        #[limit("5/minute")]
        #[get("/of_outer")]
        pub(in crate::visibility::outer) async fn of_outer() -> impl Responder {
            "of outer"
        }

        #[limit("5/minute")]
        #[get("/own")]
        async fn own() -> impl Responder {
            "own"
        }

        pub fn configure(config: &mut actix_web::web::ServiceConfig) {
            config.service(own);
        }
    }

    pub fn configure(config: &mut actix_web::web::ServiceConfig) {
        config.service(inner::of_super).service(inner::of_outer).configure(inner::configure);
    }
}

#[test]
fn passes() {
    let _ =
        App::new().service(outer::inner::public).service(outer::inner::of_crate).configure(outer::configure);
}
