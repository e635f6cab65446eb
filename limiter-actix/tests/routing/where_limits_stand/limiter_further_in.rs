//! A grant that another limiter takes over is good for one request at most.

use actix_web::{App, get, guard, test::init_service, web};
use limiter_actix::{Exempt, Limiter, ScopeExt, exempt, limit};

use super::{
    super::{A, has_a, passing, plain, still},
    admitted, per_hour,
};

/// Five an hour, and three at each route.
fn outer() -> Limiter {
    still().key_prefix("outer").application_limits("5/hour").default_limits("3/hour").build().unwrap()
}

/// Lets everything through.
fn inner() -> Limiter {
    still().key_prefix("inner").build().unwrap()
}

#[exempt]
#[get("/health")]
async fn health() -> &'static str {
    "ok"
}

#[limit("1000/hour")]
#[get("/health")]
async fn generous() -> &'static str {
    "ok"
}

/// A scope with a limiter, which answers for this path.
macro_rules! admin {
    ($prefix:expr) => {
        web::scope($prefix).wrap(inner()).route("/x", web::get().to(plain))
    };
}

#[actix_web::test]
async fn before_an_exempt_scope() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(admin!("/v1/admin"))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/y", web::get().to(plain))),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/admin/x", "", 99).await, 3);
    assert_eq!(passing(&app, "GET", "/v1/y", "", 9).await, 9);
    assert_eq!(passing(&app, "GET", "/v1/admin/x", "", 99).await, 0);
}

#[actix_web::test]
async fn before_a_scope_with_a_greater_limit() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(admin!("/v1/admin"))
            .service(web::scope("/v1").limit(per_hour(1000)).route("/y", web::get().to(plain))),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/admin/x", "", 99).await, 3);
    assert_eq!(passing(&app, "GET", "/v1/y", "", 9).await, 2, "of five");
}

#[actix_web::test]
async fn in_a_guarded_scope_before_an_exempt_one_of_its_prefix() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(admin!("/v1").guard(guard::fn_guard(has_a)))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(plain))),
    )
    .await;
    let passed = passing(&app, "GET", "/v1/x", A, 99).await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(passing(&app, "GET", "/v1/x", A, 99).await, 0);
}

#[actix_web::test]
async fn in_a_guarded_scope_after_an_exempt_one_of_its_prefix() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(
                web::scope("/v1")
                    .guard(guard::fn_guard(has_a))
                    .exempt(Exempt::ALL)
                    .route("/x", web::get().to(plain)),
            )
            .service(admin!("/v1")),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", A, 2).await, 2);
    let passed = passing(&app, "GET", "/v1/x", "", 99).await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(passing(&app, "GET", "/v1/x", "", 99).await, 0);
}

#[actix_web::test]
async fn on_a_guarded_resource_before_an_exempt_route() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(web::resource("/health").guard(guard::fn_guard(has_a)).wrap(inner()).to(plain))
            .service(health),
    )
    .await;
    let passed = passing(&app, "GET", "/health", A, 99).await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(passing(&app, "GET", "/health", A, 99).await, 0);
}

#[actix_web::test]
async fn on_a_guarded_resource_before_a_limited_route() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(web::resource("/health").guard(guard::fn_guard(has_a)).wrap(inner()).to(plain))
            .service(generous),
    )
    .await;
    let passed = passing(&app, "GET", "/health", A, 99).await;
    assert!((3..=4).contains(&passed), "{passed}");
    assert_eq!(passing(&app, "GET", "/health", A, 99).await, 0);
}

#[actix_web::test]
async fn around_a_default_service() {
    let app = init_service(
        App::new().wrap(outer()).service(
            web::scope("/v1")
                .wrap(inner())
                .service(web::scope("/in").guard(guard::fn_guard(has_a)).service(health)),
        ),
    )
    .await;
    let answered = admitted(&app, "GET", "/v1/in/health", "", 99).await;
    assert!((3..=4).contains(&answered), "{answered}");
    assert_eq!(admitted(&app, "GET", "/v1/in/health", "", 99).await, 0);
}

#[actix_web::test]
async fn two_of_them() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(web::scope("/v1/admin").wrap(inner()).service(admin!("/in")))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/y", web::get().to(plain))),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/admin/in/x", "", 99).await, 3);
    assert_eq!(passing(&app, "GET", "/v1/y", "", 9).await, 9);
}

#[actix_web::test]
async fn grants_that_are_met_stay_good() {
    let app = init_service(
        App::new()
            .wrap(outer())
            .service(web::scope("/v1").wrap(inner()).service(health))
            .service(web::scope("/v2").service(health).wrap(inner()).exempt(Exempt::ALL))
            .route("/x", web::get().to(plain))
            .route("/y", web::get().to(plain)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/x", "", 9).await + passing(&app, "GET", "/y", "", 9).await, 5);
    assert_eq!(passing(&app, "GET", "/v1/health", "", 9).await, 9);
    assert_eq!(passing(&app, "GET", "/v2/health", "", 9).await, 9);
}
