//! Levels that override the default limits, or add to them.

use actix_web::{
    dev::ServiceRequest,
    web::{self},
};
use limiter_actix::{Limits, Quota, ScopeExt, limit as limited};
use limiter_test_support::play::{header, page, ruled};

use crate::probe::{limit, row, scope};

#[test]
fn a_level_overrides_if_any_of_its_limits_does() {
    row(
        |it| it,
        |app| {
            let both = || [limit("2").override_defaults(false), limit("3")];
            scope(app, Limits::from(both()));
            app.service(ruled("/x", Limits::from(both()), "x"));
        },
        &[("GET /p/x", "", "a 2 3"), ("GET /x", "", "a 2 3")],
    );
}

#[test]
fn a_route_that_adds_takes_in_what_an_overriding_scope_hides() {
    row(
        |it| it,
        |app| {
            let own = ruled("/own", limit("5").override_defaults(false), "own");
            let c = web::scope("/c").service(own).limit(limit("3"));
            app.service(web::scope("/p").service(c).limit(limit("2")));
        },
        &[("GET /p/c/own", "", "a d 2 3 5")],
    );
}

#[test]
fn attributes_are_a_level_too() {
    row(
        |it| it,
        |app| {
            #[limited(|_: &ServiceRequest| Quota::per_hour(1), error_message = "5", cost = spent, override_defaults = false)]
            #[limited("1/hour", error_message = "6", cost = spent_on_6, methods = "POST")]
            #[actix_web::route("/own", method = "GET", method = "POST")]
            async fn own() -> &'static str {
                "own"
            }
            fn spent(req: &ServiceRequest) -> u64 {
                u64::from(header(req, "spend") == Some("5"))
            }
            fn spent_on_6(req: &ServiceRequest) -> u64 {
                u64::from(header(req, "spend") == Some("6"))
            }
            app.service(web::scope("/p").service(own).limit(limit("2")));
        },
        &[("GET /p/own", "", "a d 2 5"), ("POST /p/own", "", "a 5 6")],
    );
}

#[test]
fn a_shadow_limit_overrides_nothing() {
    row(|it| it, |app| scope(app, limit("2").shadow(true)), &[("GET /p/x", "", "a d")]);
}

#[test]
fn a_shadow_limit_brings_nothing_back() {
    row(
        |it| it,
        |app| {
            let c = web::scope("/c").service(page("/x", "x")).limit(limit("3").shadow(true));
            app.service(web::scope("/p").service(c).limit(limit("2")));
        },
        &[("GET /p/c/x", "", "a 2")],
    );
}
