//! Exemptions of scopes, routes and methods.

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    get, post, put,
    web::{self},
};
use limiter_actix::{Exempt, Quota, Rule, ScopeExt, exempt, limit as limited};
use limiter_test_support::play::{header, page, ruled};

use crate::probe::{limit, row, scope};

#[test]
fn exemptions_of_two_scopes_add_up() {
    row(
        |it| it,
        |app| {
            let c = web::scope("/c").service(page("/x", "x")).exempt(Exempt::APPLICATION);
            app.service(web::scope("/p").service(page("/x", "x")).service(c).exempt(Exempt::DEFAULT));
        },
        &[("GET /p/x", "", "a"), ("GET /p/c/x", "", "-")],
    );
}

#[test]
fn a_scope_exempt_from_the_application_in_one_that_overrides() {
    row(
        |it| it,
        |app| {
            let rule = Rule::from(limit("3")).exempt(Exempt::APPLICATION);
            let c = web::scope("/c").service(page("/x", "x")).rule(rule);
            app.service(web::scope("/p").service(page("/x", "x")).service(c).limit(limit("2")));
        },
        &[("GET /p/x", "", "a 2"), ("GET /p/c/x", "", "3")],
    );
}

#[test]
fn an_exempt_scope_lifts_nothing_of_its_own() {
    row(
        |it| it,
        |app| scope(app, Rule::from(limit("2").override_defaults(false)).exempt(Exempt::SCOPES)),
        &[("GET /p/x", "", "a d 2")],
    );
}

#[test]
fn a_route_that_adds_but_is_exempt_from_scopes() {
    row(
        |it| it,
        |app| {
            let rule = Rule::from(limit("5").override_defaults(false)).exempt(Exempt::SCOPES);
            let c = web::scope("/c").service(ruled("/own", rule, "own")).limit(limit("3"));
            app.service(web::scope("/p").service(c).limit(limit("2")));
        },
        &[("GET /p/c/own", "", "a d 5")],
    );
}

#[test]
fn an_exempt_route_in_scopes_that_override_keeps_what_is_its_own() {
    row(
        |it| it,
        |app| {
            let own = ruled("/own", Rule::from(limit("5")).exempt(Exempt::ALL), "own");
            let free = ruled("/free", Exempt::ALL, "free");
            let c = web::scope("/c").service(own).service(free).limit(limit("3"));
            app.service(web::scope("/p").service(c).limit(limit("2")));
        },
        &[("GET /p/c/own", "", "5"), ("GET /p/c/free", "", "-")],
    );
}

#[test]
fn exempt_from_meta_limits_alone_lifts_no_others() {
    row(|it| it.meta_limits(Quota::per_hour(1)), |app| scope(app, Exempt::META), &[("GET /p/x", "", "a d")]);
}

#[test]
fn an_exempt_method_beside_a_limited_and_a_plain_one() {
    row(
        |it| it,
        |app| {
            #[exempt]
            #[put("/own")]
            async fn free() -> HttpResponse {
                HttpResponse::Ok().finish()
            }
            #[limited("1/hour", error_message = "5", cost = spent)]
            #[get("/own")]
            async fn own() -> HttpResponse {
                HttpResponse::Ok().finish()
            }
            #[post("/own")]
            async fn plain() -> HttpResponse {
                HttpResponse::Ok().finish()
            }
            fn spent(req: &ServiceRequest) -> u64 {
                u64::from(header(req, "spend") == Some("5"))
            }
            app.service(plain).service(own).service(free);
        },
        &[
            ("GET /own", "", "a 5"),
            ("POST /own", "", "a d"),
            ("PUT /own", "", "-"),
            ("DELETE /own", "", "a d"),
        ],
    );
}
