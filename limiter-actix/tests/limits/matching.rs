//! The requests that a limit of a scope, a route or a method applies to.

use actix_web::{
    guard,
    web::{self},
};
use limiter_actix::ScopeExt;
use limiter_test_support::play::page;

use crate::probe::{limit, row, scope};

#[test]
fn a_prefix_covers_whole_segments() {
    row(
        |it| it.scope("/p", limit("2")).exempt_scope("/q"),
        |app| {
            app.service(page("/p/x", "x")).service(page("/px", "x")).service(page("/qx", "x"));
        },
        &[("GET /p/x", "", "a 2"), ("GET /px", "", "a d"), ("GET /qx", "", "a d"), ("GET /q", "", "-")],
    );
}

#[test]
fn a_scope_given_by_prefix_and_its_own_rule_are_one_level() {
    row(
        |it| it.scope("/p", limit("3").override_defaults(false)),
        |app| scope(app, limit("2")),
        &[("GET /p/x", "", "a 2 3")],
    );
}

#[test]
fn a_limit_on_a_pattern_with_methods() {
    row(
        |it| it.route("POST,PUT /p/{id}", limit("5")).exempt_route("/p/free"),
        |app| {
            app.service(page("/p/free", "x")).service(page("/p/{id}", "x"));
        },
        &[
            ("GET /p/1", "", "a d"),
            ("POST /p/1", "", "a 5"),
            ("PUT /p/1", "", "a 5"),
            ("GET /p/free", "", "-"),
            ("POST /p/free", "", "5"),
        ],
    );
}

#[test]
fn a_limit_on_a_scope_with_a_parameter() {
    row(
        |it| it,
        |app| {
            let inner =
                web::scope("/{inner}").service(page("/x", "x")).limit(limit("3").override_defaults(false));
            app.service(web::scope("/{outer}").service(page("/x", "x")).service(inner).limit(limit("2")));
        },
        &[("GET /one/x", "", "a 2"), ("GET /one/two/x", "", "a d 2 3")],
    );
}

#[test]
fn the_same_prefix_in_another_scope_is_another_one() {
    row(
        |it| it,
        |app| {
            let one = web::scope("/c").service(page("/x", "x")).limit(limit("2"));
            let other = web::scope("/c").service(page("/x", "x"));
            app.service(web::scope("/p").service(one)).service(web::scope("/q").service(other));
        },
        &[("GET /p/c/x", "", "a 2"), ("GET /q/c/x", "", "a d")],
    );
}

#[test]
fn a_limit_on_one_of_two_scopes_with_one_prefix() {
    row(
        |it| it,
        |app| {
            let guarded =
                web::scope("/p").guard(guard::Header("v", "2")).service(page("/x", "x")).limit(limit("2"));
            app.service(guarded).service(web::scope("/p").service(page("/x", "x")));
        },
        &[("GET /p/x", "v: 2", "a 2"), ("GET /p/x", "v: 1", "a d")],
    );
}

#[test]
fn a_limit_on_a_scope_without_a_prefix() {
    row(
        |it| it,
        |app| {
            app.service(page("/y", "y"));
            app.service(web::scope("").service(page("/x", "x")).limit(limit("2")));
        },
        &[("GET /x", "", "a 2"), ("GET /y", "", "a d")],
    );
}

#[test]
fn unmatched_paths() {
    row(
        |it| it.exempt_scope("/static"),
        |app| scope(app, limit("2")),
        &[
            ("GET /nowhere", "", "a d"),
            // Inside the scope, which answers for all under its prefix.
            ("GET /p/nowhere", "", "a 2"),
            ("GET /static/nothing", "", "-"),
        ],
    );
}

#[test]
fn unmatched_paths_without_default_limits() {
    row(
        |it| it.default_limits_on_unmatched(false),
        |app| scope(app, limit("2").override_defaults(false)),
        &[("GET /nowhere", "", "a"), ("GET /p/x", "", "a d 2")],
    );
}

#[test]
fn head_is_get_where_methods_are_matched() {
    row(
        |it| it.route("GET /q/x", limit("5")),
        |app| {
            scope(app, limit("2").methods(["GET"]));
            app.service(page("/q/x", "x"));
        },
        &[("HEAD /p/x", "", "a 2"), ("GET /p/x", "", "a 2"), ("HEAD /q/x", "", "a 5")],
    );
}

#[test]
fn a_limit_on_head_includes_get() {
    row(
        |it| it.route("HEAD /q/x", limit("5")),
        |app| {
            scope(app, limit("2").methods(["HEAD"]));
            app.service(page("/q/x", "x"));
        },
        &[
            ("HEAD /p/x", "", "a 2"),
            ("GET /p/x", "", "a 2"),
            ("HEAD /q/x", "", "a 5"),
            ("GET /q/x", "", "a 5"),
        ],
    );
}

const PREFLIGHT: &str = "origin: https://a.example, access-control-request-method: POST";

#[test]
fn preflights_are_left_to_the_application() {
    row(
        |it| it,
        |app| {
            app.service(page("/x", "x"));
        },
        &[
            ("OPTIONS /x", PREFLIGHT, "a"),
            ("OPTIONS /x", "origin: https://a.example", "a d"),
            ("OPTIONS /x", "access-control-request-method: POST", "a d"),
            ("GET /x", PREFLIGHT, "a d"),
        ],
    );
}

#[test]
fn preflights_with_default_limits() {
    row(
        |it| it.default_limits_on_preflight(true),
        |app| {
            app.service(page("/x", "x"));
        },
        &[("OPTIONS /x", PREFLIGHT, "a d")],
    );
}
