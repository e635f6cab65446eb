//! Middleware that changes the path before routing.

use actix_web::{
    App, get,
    middleware::{NormalizePath, TrailingSlash},
    test::init_service,
    web,
};
use limiter_actix::{Exempt, ScopeExt, exempt, limit};
use limiter_test_support::{app, log};

use super::{passing, plain, still};

#[limit("3/hour")]
#[get("/slow")]
async fn slow() -> &'static str {
    "ok"
}

#[exempt]
#[get("/ping")]
async fn ping() -> &'static str {
    "ok"
}

/// `Limiter` sees the path as it came, and what stands inside changes it.
#[actix_web::test]
async fn a_path_rewritten_inside() {
    log::capture();
    let limiter = still().default_limits("100/hour").build().unwrap();
    let app =
        init_service(App::new().wrap(NormalizePath::trim()).wrap(limiter).service(slow).service(ping)).await;
    assert_eq!(passing(&app, "GET", "/slow", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/slow/", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/slow//", "", 5).await, 1, "one count, whatever the spelling");
    assert_eq!(passing(&app, "GET", "/slow", "", 5).await, 0);
    assert_eq!(log::here("L015").len(), 1, "said once");
}

#[actix_web::test]
async fn a_path_rewritten_inside_before_an_exempt_route() {
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(NormalizePath::trim())
            .wrap(limiter)
            .service(ping)
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(plain)))
            .route("/spend", web::get().to(plain)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/ping/", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/v1/x/", "", 5).await, 5);
    super::spend(&app).await;
    assert_eq!(passing(&app, "GET", "/ping", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/ping/", "", 5).await, 5, "it is known by now what the path becomes");
    assert_eq!(app::get(&app, "/pang/").await, 429);
}

/// The handler has no attribute that could inform the limiter.
#[actix_web::test]
async fn a_path_rewritten_inside_before_a_rule_by_pattern() {
    let limiter = still().route("/login", "3/hour").scope("/api", "3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(NormalizePath::trim())
            .wrap(limiter)
            .route("/login", web::get().to(plain))
            .route("/api/x", web::get().to(plain)),
    )
    .await;
    for target in ["/login", "/api/x"] {
        let other = format!("{target}/");
        assert_eq!(passing(&app, "GET", target, "", 1).await, 1);
        assert!(passing(&app, "GET", &other, "", 5).await <= 3);
        assert_eq!(passing(&app, "GET", &other, "", 5).await, 0);
        assert_eq!(passing(&app, "GET", target, "", 5).await, 0);
    }
}

#[actix_web::test]
async fn a_path_that_gets_a_slash_inside() {
    #[limit("3/hour")]
    #[get("/slow/")]
    async fn slow_with_slash() -> &'static str {
        "ok"
    }
    let limiter = still().build().unwrap();
    let app = init_service(
        App::new().wrap(NormalizePath::new(TrailingSlash::Always)).wrap(limiter).service(slow_with_slash),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/slow", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/slow/", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/slow", "", 5).await, 1);
    assert_eq!(passing(&app, "GET", "/slow/", "", 5).await, 0);
}

#[actix_web::test]
async fn a_path_rewritten_outside() {
    let limiter = still().default_limits("100/hour").build().unwrap();
    let app =
        init_service(App::new().wrap(limiter).wrap(NormalizePath::trim()).service(slow).service(ping)).await;
    assert_eq!(passing(&app, "GET", "/slow/", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/slow", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/slow//", "", 5).await, 0);
}
