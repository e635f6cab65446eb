//! More rows as those of the table: what else is declared, and what applies. Default d, application a.

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    get, guard, post, put,
    web::{self, ServiceConfig},
};
use limiter_actix::{Exempt, LimiterBuilder, Limits, Quota, Rule, ScopeExt, exempt, limit as limited};
use limiter_test_support::play::{header, page, ruled};

use crate::probe::{applies, limit, limit_if};

/// Fails unless this applies to these requests with these headers.
#[track_caller]
fn row(
    limiter: fn(LimiterBuilder) -> LimiterBuilder,
    routes: fn(&mut ServiceConfig),
    asked: &[(&str, &str, &str)],
) {
    let wrong = applies(limiter, routes, asked);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// A scope with a rule, and a page in it that answers all methods.
fn scope(app: &mut ServiceConfig, rule: impl Into<Rule>) {
    app.service(web::scope("/p").service(page("/x", "x")).rule(rule));
}

// Limits that are off.

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
fn what_exempt_when_switches_off_still_decides() {
    row(
        |it| it,
        |app| scope(app, limit("2").exempt_when(|req| header(req, "admin").is_some())),
        &[("GET /p/x", "", "a 2"), ("GET /p/x", "admin: 1", "a")],
    );
}

#[test]
fn off_by_exempt_when_and_off_by_methods_decides() {
    row(
        |it| it,
        |app| scope(app, Limits::from([limit("2").exempt_when(|_| true), limit("3").methods(["POST"])])),
        &[("GET /p/x", "", "a"), ("POST /p/x", "", "a 3")],
    );
}

#[test]
fn what_exempt_when_switches_off_adds_if_it_says_so() {
    row(
        |it| it,
        |app| scope(app, limit("2").override_defaults(false).exempt_when(|_| true)),
        &[("GET /p/x", "", "a d")],
    );
}

#[test]
fn an_unlimited_key_decides_as_exempt_when_does() {
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

// Overriding.

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
fn attributes_are_a_level_as_well() {
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

// Exemptions.

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

// Where things are.

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
fn a_scope_given_by_prefix_and_one_that_stands_are_one_level() {
    row(
        |it| it.scope("/p", limit("3").override_defaults(false)),
        |app| scope(app, limit("2")),
        &[("GET /p/x", "", "a 2 3")],
    );
}

#[test]
fn a_route_given_by_pattern_with_methods() {
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
fn a_scope_with_a_parameter() {
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
fn one_of_two_scopes_with_one_prefix() {
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
fn a_scope_without_a_prefix() {
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
fn what_no_route_matches() {
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

// Methods.

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
fn who_names_head_means_get() {
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

// Per request.

#[test]
fn filtered_requests() {
    row(
        |it| it.request_filter(|req| header(req, "internal").is_some()),
        |app| scope(app, limit("2")),
        &[("GET /p/x", "", "a 2"), ("GET /p/x", "internal: 1", "-")],
    );
}
