//! Rules that are given to the builder by pattern.

use actix_web::{App, test::init_service, web};
use limiter_actix::{Limit, LimiterBuilder, Quota, exempt};
use limiter_test_support::{
    app::{get, request},
    log,
};

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

#[actix_web::test]
async fn a_rule_that_no_request_meets_is_logged() {
    #[exempt]
    #[actix_web::get("/status")]
    async fn status() -> &'static str {
        "ok"
    }
    #[exempt]
    #[actix_web::put("/status")]
    async fn set_status() -> &'static str {
        "ok"
    }
    #[exempt]
    #[actix_web::head("/size")]
    async fn size() -> &'static str {
        ""
    }
    log::capture();
    let limiter = still()
        .route("HEAD /size", "9/hour")
        .route("HEAD /status", "9/hour")
        .route("PUT /status", "9/hour")
        .route("GET,POST /status", "9/hour")
        .route("POST /status", "9/hour")
        .route("/api/missing", "9/hour")
        .route("/missing", "9/hour");
    let app = App::new().wrap(limiter.build().unwrap()).service(status).service(set_status).service(size);
    let app = init_service(app.service(web::scope("/api").route("/x", web::get().to(plain)))).await;
    assert_eq!(get(&app, "/status").await, 200);
    let lines = log::here("L031");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("POST /status") && !lines[0].contains("GET"), "{lines:?}");
    assert!(lines[1].contains("/missing") && !lines[1].contains("/api"), "{lines:?}");
}

/// A route that takes HEAD alone takes what a rule has for GET, and no other takes more than its methods.
#[actix_web::test]
async fn a_rule_for_methods_that_its_route_does_not_take_is_logged() {
    #[exempt]
    #[actix_web::put("/upload")]
    async fn upload() -> &'static str {
        "ok"
    }
    #[exempt]
    #[actix_web::head("/size")]
    async fn size() -> &'static str {
        ""
    }
    log::capture();
    let limiter = still()
        .route("PUT /upload", "9/hour")
        .route("GET /upload", "9/hour")
        .route("GET /size", "9/hour")
        .route("POST /size", "9/hour");
    let app = App::new().wrap(limiter.build().unwrap()).service(upload).service(size);
    get(&init_service(app).await, "/").await;
    let lines = log::here("L031");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("GET /upload") && lines[1].contains("POST /size"), "{lines:?}");
}

#[actix_web::test]
async fn a_route_with_a_rule_that_another_pattern_hides_is_logged() {
    log::capture();
    let limiter = still().route("/hidden", "9/hour").route("/x/seen", "9/hour").build().unwrap();
    let app = App::new()
        .wrap(limiter)
        .route("/{id}", web::post().to(plain))
        .route("/hidden", web::get().to(plain))
        .route("/x/seen", web::get().to(plain));
    assert_eq!(get(&init_service(app).await, "/x/seen").await, 200);
    let lines = log::here("L002");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("/hidden") && lines[0].contains("/{id}"), "{lines:?}");
}
