//! Rules that another pattern hides, so that they are known only after routing.

use actix_web::{get, guard, web};
use limiter_actix::{Exempt, Limit, Quota, ScopeExt, exempt, limit, resource};
use limiter_test_support::log;

use super::{A, B, app, has_a, has_b, passing, plain, spend};

#[exempt]
#[get("/health")]
async fn health() -> &'static str {
    "ok"
}

#[limit("2/hour")]
#[get("/limited")]
async fn limited() -> &'static str {
    "ok"
}

#[limit("2/hour")]
#[get("/x")]
async fn limited_x() -> &'static str {
    "ok"
}

#[actix_web::test]
async fn rules_hidden_by_a_pattern_with_a_method() {
    log::capture();
    for pattern in ["/{id}", "/{tail:.*}"] {
        let app = app(|it| {
            it.route(pattern, web::post().to(plain)).service(health).service(limited);
        })
        .await;
        assert_eq!(passing(&app, "GET", "/health", "", 5).await, 5, "{pattern}: takes nothing");
        assert_eq!(passing(&app, "GET", "/limited", "", 5).await, 2, "{pattern}: its own limit holds");
        assert_eq!(passing(&app, "POST", "/health", "", 5).await, 1, "{pattern}: the rest of three");
        assert_eq!(passing(&app, "GET", "/limited", "", 5).await, 0);

        for hidden in ["/health", "/limited"] {
            let lines = log::here("L002");
            assert_eq!(
                lines.iter().filter(|line| line.contains(hidden) && line.contains(pattern)).count(),
                1,
                "{lines:?}"
            );
        }
    }
}

#[actix_web::test]
async fn rules_hidden_by_a_pattern_for_all_methods() {
    let app = app(|it| {
        it.route("/{id}", web::to(plain)).service(health);
    })
    .await;
    assert_eq!(passing(&app, "GET", "/health", "", 5).await, 3, "the other handler answers");
}

/// Nothing shows that the request could come to the exempt route, so not even the first is free.
#[actix_web::test]
async fn an_exemption_hidden_by_a_pattern_for_all_methods_lets_nothing_in() {
    let app = app(|it| {
        it.route("/{id}", web::to(plain)).service(health);
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/health", "", 5).await, 0);
}

#[actix_web::test]
async fn rules_hidden_by_a_guarded_scope_without_a_prefix() {
    log::capture();
    let app = app(|it| {
        it.service(web::scope("").guard(guard::fn_guard(has_a)).route("/health", web::get().to(plain)))
            .service(health)
            .service(limited);
    })
    .await;
    assert_eq!(passing(&app, "GET", "/health", "", 5).await, 5, "takes nothing");
    assert_eq!(passing(&app, "GET", "/limited", "", 5).await, 2);
    assert!(passing(&app, "GET", "/health", A, 5).await <= 2, "one is left, one may be free");
    assert_eq!(passing(&app, "GET", "/limited", "", 5).await, 0);
    assert!(log::here("L002").iter().any(|line| line.contains("/limited")));
}

#[actix_web::test]
async fn a_limited_scope_without_a_prefix_is_logged() {
    let limit = || Limit::new(Quota::per_hour(1)).override_defaults(false);
    let app = app(|it| {
        it.service(
            web::scope("")
                .guard(guard::fn_guard(has_a))
                .limit(limit())
                .route("/x", web::get().to(plain))
                .route("/y", web::get().to(plain)),
        )
        .service(limited_x)
        .route("/y", web::get().to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", A, 5).await, 1, "although a route with a limit has the same path");
    let app = self::app(|it| {
        it.service(
            web::scope("").guard(guard::fn_guard(has_a)).limit(limit()).route("/y", web::get().to(plain)),
        )
        .route("/y", web::get().to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/y", A, 5).await, 1);
    assert_eq!(passing(&app, "GET", "/y", "", 5).await, 2);
}

#[actix_web::test]
async fn a_limited_scope_hidden_by_one_of_its_prefix() {
    log::capture();
    let app = app(|it| {
        it.service(web::scope("/v1").guard(guard::fn_guard(has_b)).route("/x", web::get().to(plain)))
            .service(web::scope("/v1").limit(Quota::per_hour(1)).route("/x", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", B, 2).await, 2, "the limit of the other scope is not theirs");
    let lines = log::here("L003");
    assert!(lines.iter().any(|line| line.contains("/v1")), "{lines:?}");
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 1);
}

#[actix_web::test]
async fn an_exempt_scope_hidden_by_a_pattern() {
    log::capture();
    let app = app(|it| {
        let exempt = web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(plain));
        it.route("/v1/{tail:.*}", web::post().to(plain))
            .service(exempt.route("/y", web::get().to(plain)).route("/z", web::get().to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 5);
    spend(&app).await;
    assert!(passing(&app, "POST", "/v1/x", "", 5).await <= 1);
    let lines = log::here("L002");
    assert!(lines.len() == 1 && lines[0].contains("/v1/{tail:.*}"), "once for the scope: {lines:?}");
}

/// Guards decide between the two, so that not even one request is let in as an exempt one.
#[actix_web::test]
async fn an_exempt_resource_that_shares_its_pattern_lets_nothing_in() {
    let app = app(|it| {
        let guarded = |it: actix_web::Resource| it.guard(guard::fn_guard(has_a)).to(plain);
        it.service(resource("/x", Exempt::ALL, guarded)).route("/x", web::get().to(plain));
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/x", "", 5).await, 0);
}

/// Guards decide between two resources of one pattern, and paths do not show which.
#[actix_web::test]
async fn a_limited_resource_that_shares_its_pattern_is_logged() {
    log::capture();
    let app = app(|it| {
        let guarded = |it: actix_web::Resource| it.guard(guard::fn_guard(has_a)).to(plain);
        it.service(resource("/x", Quota::per_hour(1), guarded)).route("/x", web::get().to(plain));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/x", A, 5).await, 1);
    let app = self::app(|it| {
        let guarded = |it: actix_web::Resource| it.guard(guard::fn_guard(has_a)).to(plain);
        it.route("/y", web::post().to(plain)).service(resource("/y", Quota::per_hour(1), guarded));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/y", A, 5).await, 1);
    let lines = log::here("L003");
    assert!(lines.len() == 2 && lines[0].contains("/x") && lines[1].contains("/y"), "{lines:?}");
    assert_eq!(log::here("L002"), Vec::<String>::new());
}
