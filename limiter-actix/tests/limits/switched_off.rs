//! Limits that are off for a request, and what that means for their level.

use actix_web::{
    dev::ServiceRequest,
    web::{self},
};
use limiter_actix::{Limits, Quota, ScopeExt};
use limiter_test_support::play::{header, page};

use crate::probe::{limit, limit_if, row, scope};

#[test]
fn a_level_that_is_off_by_methods_is_undeclared() {
    row(
        |it| it,
        |app| scope(app, limit("2").methods(["POST"])),
        &[("GET /p/x", "", "a d"), ("POST /p/x", "", "a 2"), ("PUT /p/x", "", "a d")],
    );
}

#[test]
fn one_limit_of_a_level_that_is_on_declares_it() {
    row(
        |it| it,
        |app| scope(app, Limits::from([limit("2").methods(["POST"]), limit("3").methods(["GET"])])),
        &[("GET /p/x", "", "a 3"), ("POST /p/x", "", "a 2"), ("PUT /p/x", "", "a d")],
    );
}

#[test]
fn a_limit_that_is_off_by_methods_does_not_override() {
    row(
        |it| it,
        |app| {
            let adding = limit("3").override_defaults(false);
            scope(app, Limits::from([limit("2").methods(["POST"]), adding]));
        },
        &[("GET /p/x", "", "a d 3"), ("POST /p/x", "", "a 2 3")],
    );
}

#[test]
fn a_level_that_is_off_by_methods_lets_the_next_one_decide() {
    row(
        |it| it,
        |app| {
            let c = web::scope("/c").service(page("/x", "x")).limit(limit("3").methods(["POST"]));
            app.service(web::scope("/p").service(c).limit(limit("2")));
        },
        &[("GET /p/c/x", "", "a 2"), ("POST /p/c/x", "", "a 3")],
    );
}

#[test]
fn a_limit_switched_off_by_exempt_when_still_overrides() {
    row(
        |it| it,
        |app| scope(app, limit("2").exempt_when(|req| header(req, "admin").is_some())),
        &[("GET /p/x", "", "a 2"), ("GET /p/x", "admin: 1", "a")],
    );
}

#[test]
fn a_level_off_by_exempt_when_and_by_methods_overrides() {
    row(
        |it| it,
        |app| scope(app, Limits::from([limit("2").exempt_when(|_| true), limit("3").methods(["POST"])])),
        &[("GET /p/x", "", "a"), ("POST /p/x", "", "a 3")],
    );
}

#[test]
fn an_adding_limit_switched_off_by_exempt_when_adds() {
    row(
        |it| it,
        |app| scope(app, limit("2").override_defaults(false).exempt_when(|_| true)),
        &[("GET /p/x", "", "a d")],
    );
}

#[test]
fn a_limit_with_an_unlimited_key_still_overrides() {
    row(
        |it| it,
        |app| scope(app, limit("2").key(|_| limiter_actix::Key::unlimited())),
        &[("GET /p/x", "", "a")],
    );
}

fn if_tier(req: &ServiceRequest) -> Option<Quota> {
    header(req, "tier").map(|_| Quota::per_hour(1))
}

#[test]
fn a_function_that_returns_none_leaves_its_level_undeclared() {
    row(
        |it| it,
        |app| scope(app, limit_if("2", if_tier)),
        &[("GET /p/x", "", "a d"), ("GET /p/x", "tier: free", "a 2")],
    );
}

#[test]
fn a_function_that_returns_none_lets_the_next_level_decide() {
    row(
        |it| it,
        |app| {
            let c = web::scope("/c").service(page("/x", "x")).limit(limit_if("3", if_tier));
            app.service(web::scope("/p").service(c).limit(limit("2")));
        },
        &[("GET /p/c/x", "", "a 2"), ("GET /p/c/x", "tier: free", "a 3")],
    );
}

#[test]
fn a_function_that_returns_none_beside_a_limit_that_adds() {
    row(
        |it| it,
        |app| scope(app, Limits::from([limit_if("2", if_tier), limit("3").override_defaults(false)])),
        &[("GET /p/x", "", "a d 3"), ("GET /p/x", "tier: free", "a 2 3")],
    );
}

#[test]
fn filtered_requests_meet_no_limits() {
    row(
        |it| it.request_filter(|req| header(req, "internal").is_some()),
        |app| scope(app, limit("2")),
        &[("GET /p/x", "", "a 2"), ("GET /p/x", "internal: 1", "-")],
    );
}
