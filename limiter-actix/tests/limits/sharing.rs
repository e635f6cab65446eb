//! Limits that share a count.

use actix_web::{dev::ServiceRequest, get, web};
use limiter_actix::{Limit, Limits, Quota, ScopeExt, limit as limited};
use limiter_test_support::play::{header, limits, page, ruled};

use crate::probe::hold;

fn once() -> Limit {
    Limit::new(Quota::per_minute(1))
}

#[test]
fn a_count_shared_over_routes_scopes_and_the_limiter() {
    hold(
        |it| it.route("/given", Limit::new(Quota::per_minute(4)).shared("s")),
        |app| {
            #[limited("4/minute", shared = "s")]
            #[get("/a")]
            async fn a() -> &'static str {
                "a"
            }
            let four = || Limit::new(Quota::per_minute(4)).shared("s");
            app.service(a).service(ruled("/b", four(), "b")).service(page("/given", ""));
            app.service(web::scope("/p").service(page("/x", "x")).service(page("/y", "y")).limit(four()));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "POST /b", "", "200"),
            (0.0, "GET /p/x", "", "200"),
            (0.0, "GET /given", "", "200"),
            (0.0, "GET /p/y", "", "429 '4 per 1 minute'"),
            (0.0, "GET /a", "", "429 '4 per 1 minute'"),
            (0.0, "GET /a", "k: c2", "200"),
        ],
    );
}

/// Neither how a quota is written nor whether its count is leased makes another count.
#[test]
fn a_count_shared_between_levels_is_charged_once() {
    let shared = |text: &str| limits(text).each(|limit| limit.shared("s"));
    for of_route in
        [shared("2/minute"), shared("2 per 60 second"), shared("2/minute").each(|it| it.leases(true))]
    {
        hold(
            |it| it.application_limits(shared("2/minute")),
            |app| {
                app.service(ruled("/", of_route.clone(), ""));
            },
            &[(0.0, "GET /", "", "200"), (0.0, "GET /", "", "200"), (0.0, "GET /", "", "429")],
        );
    }
}

#[test]
fn counts_shared_by_a_function() {
    fn tenant(req: &ServiceRequest) -> String {
        header(req, "tenant").unwrap_or("none").to_owned()
    }
    hold(
        |it| it,
        |app| {
            app.service(ruled("/a", once().shared_with(tenant), "a"));
            app.service(ruled("/b", once().shared_with(tenant), "b"));
            app.service(ruled("/fixed", once().shared("two"), ""));
        },
        &[
            (0.0, "GET /a", "tenant: one", "200"),
            (0.0, "GET /b", "tenant: one", "429"),
            (0.0, "GET /b", "tenant: two", "200"),
            // The name is the same, however it is given.
            (0.0, "GET /fixed", "", "429"),
        ],
    );
}

#[test]
fn counts_shared_by_two_names_at_one_place() {
    hold(
        |it| it,
        |app| {
            app.service(ruled("/a", Limits::from([once().shared("one"), once().shared("two")]), "a"));
            app.service(ruled("/b", once().shared("two"), "b"));
        },
        &[(0.0, "GET /a", "", "200"), (0.0, "GET /b", "", "429")],
    );
}

#[test]
fn per_method_counts_each_method() {
    hold(
        |it| it.default_limits("1/minute").default_limits_per_method(true),
        |app| {
            app.service(page("/d", "d")).service(ruled("/r", once().per_method(true), "r"));
        },
        &[
            (0.0, "GET /d", "", "200"),
            (0.0, "HEAD /d", "", "429"),
            (0.0, "POST /d", "", "200"),
            (0.0, "POST /d", "", "429"),
            (0.0, "HEAD /r", "", "200"),
            (0.0, "GET /r", "", "429"),
            (0.0, "PUT /r", "", "200"),
            // All unknown methods are one.
            (0.0, "BREW /r", "", "200"),
            (0.0, "WHEN /r", "", "429"),
            // Unmatched paths count as one, never by method.
            (0.0, "GET /nowhere", "", "404"),
            (0.0, "POST /neither", "", "429"),
        ],
    );
}

#[test]
fn per_method_counts_each_method_of_a_shared_limit() {
    hold(
        |it| it,
        |app| {
            let shared = || once().shared("s").per_method(true);
            app.service(ruled("/a", shared(), "a")).service(ruled("/b", shared(), "b"));
        },
        &[(0.0, "GET /a", "", "200"), (0.0, "GET /b", "", "429"), (0.0, "POST /b", "", "200")],
    );
}
