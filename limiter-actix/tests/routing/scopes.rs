//! Rules on scopes.

use actix_web::{App, get, guard, middleware::from_fn, test::init_service, web};
use limiter_actix::{Exempt, Limit, Quota, Rule, ScopeExt, exempt, limit};
use limiter_test_support::app as call;

use super::{A, app, has_a, passing, plain, spend, still};

#[limit("1/hour", override_defaults = false)]
#[get("/limited")]
async fn limited() -> &'static str {
    "ok"
}

#[exempt]
#[get("/exempt")]
async fn exempt_inside() -> &'static str {
    "ok"
}

fn twice() -> Limit {
    Limit::new(Quota::per_hour(2))
}

#[actix_web::test]
async fn rules_before_and_after_services_and_wraps() {
    let app = app(|it| {
        it.service(web::scope("/before").limit(twice()).route("/x", web::get().to(plain)))
            .service(web::scope("/after").route("/x", web::get().to(plain)).limit(twice()))
            .service(
                web::scope("/between")
                    .wrap(from_fn(async |req, next: actix_web::middleware::Next<_>| next.call(req).await))
                    .limit(twice())
                    .wrap(from_fn(async |req, next: actix_web::middleware::Next<_>| next.call(req).await))
                    .route("/x", web::get().to(plain)),
            );
    })
    .await;
    // Application limits hold as well: three in all.
    assert_eq!(passing(&app, "GET", "/before/x", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/after/x", "", 5).await, 1);
    let app = self::app(|it| {
        it.service(
            web::scope("/between")
                .wrap(from_fn(async |req, next: actix_web::middleware::Next<_>| next.call(req).await))
                .limit(twice())
                .wrap(from_fn(async |req, next: actix_web::middleware::Next<_>| next.call(req).await))
                .route("/x", web::get().to(plain)),
        );
    })
    .await;
    assert_eq!(passing(&app, "GET", "/between/x", "", 5).await, 2);
}

#[actix_web::test]
async fn scopes_limited_and_exempt_at_once() {
    let app = app(|it| {
        it.service(web::scope("/a").limit(twice()).exempt(Exempt::ALL).route("/x", web::get().to(plain)))
            .service(web::scope("/b").exempt(Exempt::ALL).limit(twice()).route("/x", web::get().to(plain)))
            .service(
                web::scope("/c")
                    .rule(Rule::from(twice()).exempt(Exempt::ALL))
                    .route("/x", web::get().to(plain)),
            );
    })
    .await;
    spend(&app).await;
    for target in ["/a/x", "/b/x", "/c/x"] {
        assert_eq!(passing(&app, "GET", target, "", 5).await, 2, "{target}");
    }
}

#[actix_web::test]
async fn callbacks_run_once_for_each_request() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn cost(_: &actix_web::dev::ServiceRequest) -> u64 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        1
    }
    let app = app(|it| {
        it.service(
            web::scope("/a")
                .limit(twice().cost_with(cost))
                .exempt(Exempt::ALL)
                .route("/x", web::get().to(plain)),
        );
    })
    .await;
    assert_eq!(passing(&app, "GET", "/a/x", "", 1).await, 1);
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
}

#[actix_web::test]
async fn nested_scopes() {
    let app = app(|it| {
        it.service(
            web::scope("/v1/{org}").limit(twice()).service(
                web::scope("/users/{id}")
                    .configure(|it| {
                        it.service(limited).service(exempt_inside).route("/plain", web::get().to(plain));
                    })
                    .service(web::scope("/deep").exempt(Exempt::ALL).route("/x", web::get().to(plain))),
            ),
        );
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/o/users/1/limited", "", 5).await, 1);
    assert_eq!(passing(&app, "GET", "/v1/o/users/2/plain", "", 5).await, 2);
    assert_eq!(call::get(&app, "/spend").await, 429);
    assert_eq!(passing(&app, "GET", "/v1/o/users/1/exempt", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/v1/p/users/1/deep/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/v1/p/users/1/plain", "", 5).await, 0);
}

/// A scope that adds nothing to the prefix is a level of its own.
#[actix_web::test]
async fn a_nested_scope_without_a_prefix() {
    let limiter = || still().default_limits("100/hour").build().unwrap();
    let app = init_service(
        App::new().wrap(limiter()).service(
            web::scope("/v1")
                .limit(twice())
                .service(
                    web::scope("")
                        .guard(guard::fn_guard(has_a))
                        .limit(Limit::new(Quota::per_hour(4)))
                        .route("/x", web::get().to(plain)),
                )
                .route("/x", web::get().to(plain)),
        ),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", A, 6).await, 4, "the inner level overrides the outer one");
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 2);
}

#[actix_web::test]
async fn prefixes_are_read_as_actix_reads_them() {
    let app = app(|it| {
        it.service(web::scope("noslash").exempt(Exempt::ALL).route("x", web::get().to(plain)))
            .service(web::scope("/slash/").exempt(Exempt::ALL).route("/x", web::get().to(plain)))
            .service(
                web::scope("/re/{id:[0-9]+}").exempt(Exempt::ALL).route("/{tail:.*}", web::get().to(plain)),
            );
    })
    .await;
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/noslash/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/slash//x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/re/7/a/b/c", "", 5).await, 5);
    assert_eq!(call::get(&app, "/re/x/a").await, 429);
}

#[actix_web::test]
async fn unmatched_paths_of_a_scope() {
    let app = app(|it| {
        it.service(
            web::scope("/v1")
                .limit(twice())
                .route("/x", web::get().to(plain))
                .default_service(web::to(plain)),
        )
        .service(web::scope("/free").exempt(Exempt::ALL).default_service(web::to(plain)));
    })
    .await;
    assert_eq!(passing(&app, "GET", "/v1/unknown", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/v1/other", "", 5).await, 0, "all that is unmatched counts as one");
    assert_eq!(passing(&app, "GET", "/free/x", "", 5).await, 5, "one application hit is left to try first");
}
