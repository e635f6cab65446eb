//! An app whose routes a limiter cannot read.

use actix_web::{App, get, test::init_service, web};
use limiter_actix::{Exempt, Limit, ScopeExt, exempt, limit};
use limiter_test_support::{app::get, log};

use super::{passing, plain, still};

#[limit("1/hour")]
#[get("/limited")]
async fn limited() -> &'static str {
    "ok"
}

#[exempt]
#[get("/health")]
async fn health() -> &'static str {
    "ok"
}

/// The text of the app is too long with such a name of a resource.
fn unreadable() -> actix_web::Resource {
    web::resource("/plain").name(&"x".repeat((1 << 26) + 1)).to(plain)
}

/// Limits are then those of the pattern that actix-web finds for the path, and exemptions hold after routing (`L032`).
#[actix_web::test]
async fn limits_and_exemptions_hold_where_requests_arrive() {
    log::capture();
    let limiter = still()
        .application_limits("6/hour")
        .default_limits("3/hour")
        .route("/by-pattern/{id}", "2/hour")
        .build()
        .expect("a limiter");
    let app = init_service(
        App::new()
            .wrap(limiter)
            .service(unreadable())
            .service(limited)
            .service(health)
            .route("/by-pattern/{id}", web::get().to(plain))
            .service(web::scope("/scope").route("/x", web::get().to(plain)).limit(Limit::new("0/hour")))
            .service(web::scope("/free").route("/x", web::get().to(plain)).exempt(Exempt::ALL)),
    )
    .await;
    for _ in 0..9 {
        assert_eq!(get(&app, "/health").await, 200, "it is charged nothing in the end");
        assert_eq!(get(&app, "/free/x").await, 200);
    }
    assert_eq!(log::here("L032").len(), 1);
    assert_eq!(passing(&app, "GET", "/scope/x", "", 2).await, 0);
    assert_eq!(passing(&app, "GET", "/limited", "", 3).await, 1);
    assert_eq!(passing(&app, "GET", "/by-pattern/1", "", 3).await, 2);
    assert_eq!(passing(&app, "GET", "/plain", "", 9).await, 3, "the default limit");
    assert_eq!(get(&app, "/by-pattern/1").await, 429);
    assert_eq!(get(&app, "/health").await, 429, "the application limit is spent");
}
