//! Rules that are given to the builder by pattern.

use actix_web::{App, test::init_service, web};
use limiter_actix::{Limit, LimiterBuilder, Quota};
use limiter_test_support::app::{get, request};

use super::{passing, plain, still};

/// Plain handlers at `/login` for GET and POST, at `/users/{id}` and in a scope `/api`.
macro_rules! app {
    ($builder:expr) => {{
        let builder: LimiterBuilder = $builder;
        init_service(
            App::new()
                .wrap(builder.build().unwrap())
                .service(
                    web::resource("/login")
                        .route(web::get().to(plain))
                        .route(web::post().to(plain))
                        .route(web::head().to(plain))
                        .route(web::method(purge()).to(plain)),
                )
                .route("/users/{id}", web::get().to(plain))
                .service(
                    web::scope("/api").route("/x", web::get().to(plain)).route("/y", web::get().to(plain)),
                )
                .route("/apix", web::get().to(plain)),
        )
        .await
    }};
}

fn purge() -> actix_web::http::Method {
    actix_web::http::Method::from_bytes(b"PURGE").expect("a method")
}

#[actix_web::test]
async fn a_pattern_with_a_method() {
    let app = app!(still().route("POST /login", "2/hour"));
    assert_eq!(passing(&app, "POST", "/login", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/login", "", 5).await, 5);
    assert_eq!(get(&app, "/login/").await, 404);
}

#[actix_web::test]
async fn a_pattern_with_get_includes_head() {
    let app = app!(still().route("GET /login", "2/hour"));
    assert_eq!(passing(&app, "HEAD", "/login", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/login", "", 5).await, 0);
    let app = app!(still().route("HEAD /login", "2/hour"));
    assert_eq!(passing(&app, "HEAD", "/login", "", 5).await, 2, "HEAD is GET wherever a method is matched");
}

#[actix_web::test]
async fn a_pattern_with_a_custom_method() {
    let app = app!(still().route("PURGE,POST /login", "2/hour"));
    assert_eq!(passing(&app, "PURGE", "/login", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/login", "", 5).await, 5);
}

#[actix_web::test]
async fn a_pattern_with_a_parameter() {
    let app = app!(still().default_limits("1/hour").route("/users/{id}", "2/hour"));
    assert_eq!(passing(&app, "GET", "/users/1", "", 1).await, 1);
    assert_eq!(passing(&app, "GET", "/users/2", "", 5).await, 1, "one count for the route");
    assert_eq!(passing(&app, "GET", "/login", "", 5).await, 1);
}

#[actix_web::test]
async fn a_pattern_of_a_scope() {
    let app = app!(still().default_limits("1/hour").scope("/api", Limit::new(Quota::per_hour(2))));
    assert_eq!(passing(&app, "GET", "/api/x", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/api/y", "", 5).await, 2);
    assert_eq!(passing(&app, "GET", "/apix", "", 5).await, 1);
}

#[actix_web::test]
async fn exempt_patterns() {
    let app = app!(still().application_limits("3/hour").exempt_scope("/api").exempt_route("GET /login"));
    assert_eq!(passing(&app, "GET", "/api/x", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/login", "", 5).await, 5);
    assert_eq!(passing(&app, "POST", "/login", "", 5).await, 3);
    assert_eq!(passing(&app, "GET", "/login", "", 5).await, 5);
    assert_eq!(passing(&app, "GET", "/apix", "", 5).await, 0);
}

/// Scopes of one depth, one of them given twice and by another limit in between.
#[actix_web::test]
async fn the_pattern_of_a_scope_given_twice() {
    let shared = |name: &'static str| Limit::new(Quota::per_hour(4)).override_defaults(false).name(name);
    let app = app!(
        still()
            .scope("/api", shared("one"))
            .scope("/{any}", Limit::new(Quota::per_hour(100)).override_defaults(false))
            .scope("/api", shared("two"))
    );
    let mut answer = 0;
    for _ in 0..6 {
        answer +=
            usize::from(limiter_test_support::app::ask(&app, request("GET", "/api/x")).await.status == 200);
    }
    assert_eq!(answer, 4, "each is taken from once by a request");
}

/// actix panics on a pattern with more parameters. `build` rejects such a pattern, and accepts all others.
#[test]
fn sixteen_parameters_are_the_most() {
    let pattern = |parameters: usize| {
        (0..parameters).flat_map(|at| ["/{p".to_owned(), at.to_string(), "}".to_owned()]).collect::<String>()
    };
    let build = |parameters| still().route(&pattern(parameters), "1/hour").build();
    assert!(build(16).is_ok());
    assert!(build(17).is_err());
    let longer = std::panic::catch_unwind(|| actix_web::dev::ResourceDef::new(pattern(17)));
    assert!(longer.is_err(), "actix accepts more parameters by now");
}
