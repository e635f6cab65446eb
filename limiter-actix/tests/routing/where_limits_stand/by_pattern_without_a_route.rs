//! A rule given by a pattern that no route has is warned of at the first request of each worker.

use actix_web::{App, test::init_service, web};
use limiter_actix::LimiterBuilder;
use limiter_test_support::{app::get, log};

use super::super::{plain, still};

/// An app with this limiter; it has answered a few requests.
async fn asked(builder: LimiterBuilder) {
    log::capture();
    let limiter = builder.build().expect("a limiter");
    let app = init_service(
        App::new()
            .wrap(limiter)
            .service(web::resource("/login").route(web::get().to(plain)).route(web::post().to(plain)))
            .route("/users/{user}", web::get().to(plain))
            .service(web::resource(["/b", "/b2"]).to(plain))
            .service(
                web::scope("/api")
                    .route("/users/{id}", web::get().to(plain))
                    .service(web::scope("/in").route("", web::get().to(plain)))
                    .default_service(web::to(plain)),
            )
            .route("/files/{tail:.*}", web::get().to(plain)),
    )
    .await;
    for target in ["/login", "/unknown", "/login"] {
        get(&app, target).await;
    }
}

/// The warnings that name a rule.
fn warnings(rule: &str) -> Vec<String> {
    let lines = log::here("L031");
    lines.into_iter().filter(|line| line.starts_with("WARN") && line.contains(rule)).collect()
}

/// Expects one warning, which names this rule.
async fn is_warned_of(builder: LimiterBuilder, rule: &str) {
    asked(builder).await;
    assert_eq!(warnings(rule).len(), 1, "{rule}: {:?}", log::here("WARN"));
    assert_eq!(log::here("L031").len(), 1);
}

/// Expects no warning.
async fn is_not_warned_of(builder: LimiterBuilder) {
    asked(builder).await;
    assert_eq!(log::here("L031"), Vec::<String>::new());
}

#[actix_web::test]
async fn a_typo_in_the_path() {
    is_warned_of(still().route("POST /lgoin", "5/hour"), "POST /lgoin").await;
}

#[actix_web::test]
async fn a_typo_in_the_method() {
    is_warned_of(still().route("PSOT /login", "5/hour"), "PSOT /login").await;
}

#[actix_web::test]
async fn a_parameter_of_another_framework() {
    is_warned_of(still().route("/user/:id", "5/hour"), "/user/:id").await;
}

#[actix_web::test]
async fn a_path_without_the_prefix_of_its_scope() {
    is_warned_of(still().route("/in", "5/hour"), "/in").await;
}

#[actix_web::test]
async fn a_path_with_a_parameter_without_the_prefix_of_its_scope() {
    log::capture();
    let limiter = still().route("/users/{id}", "5/hour").build().unwrap();
    let app = init_service(
        App::new().wrap(limiter).service(web::scope("/api").route("/users/{id}", web::get().to(plain))),
    )
    .await;
    get(&app, "/api/users/1").await;
    get(&app, "/api/users/2").await;
    assert_eq!(warnings("/users/{id}").len(), 1);
}

#[actix_web::test]
async fn a_parameter_too_many() {
    is_warned_of(still().route("GET,POST /login/{id}", "5/hour"), "/login/{id}").await;
}

#[actix_web::test]
async fn an_exempt_route() {
    is_warned_of(still().exempt_route("/helth"), "/helth").await;
}

#[actix_web::test]
async fn an_exempt_scope() {
    is_warned_of(still().exempt_scope("/static"), "/static").await;
}

#[actix_web::test]
async fn a_limited_scope() {
    is_warned_of(still().scope("/apis", "5/hour"), "/apis").await;
}

#[actix_web::test]
async fn each_of_several_rules() {
    asked(still().route("/lgoin", "5/hour").route("/login", "5/hour").route("PUT /logn", "5/hour")).await;
    assert_eq!(warnings("/lgoin").len(), 1);
    assert_eq!(warnings("PUT /logn").len(), 1);
    assert_eq!(log::here("L031").len(), 2);
}

#[actix_web::test]
async fn each_worker_warns() {
    log::capture();
    let limiter = still().route("/lgoin", "5/hour").build().unwrap();
    let worker = || init_service(App::new().wrap(limiter.clone()).route("/login", web::get().to(plain)));
    let (one, other) = (worker().await, worker().await);
    assert_eq!(warnings("/lgoin").len(), 0, "no request has come");
    get(&one, "/login").await;
    get(&one, "/login").await;
    assert_eq!(warnings("/lgoin").len(), 1);
    get(&other, "/login").await;
    assert_eq!(warnings("/lgoin").len(), 2);
}

#[actix_web::test]
async fn no_rule_that_has_a_route() {
    let builder =
        still().route("POST /login", "5/hour").route("HEAD,GET /login", "5/hour").exempt_route("/b");
    is_not_warned_of(builder).await;
}

#[actix_web::test]
async fn no_rule_with_a_parameter_of_another_name() {
    is_not_warned_of(still().route("/users/{id}", "5/hour").route("/api/users/{name}", "5/hour")).await;
}

#[actix_web::test]
async fn no_scope_that_has_a_route() {
    let builder = still().scope("/api", "5/hour").exempt_scope("/api/in").scope("/files", "5/hour");
    is_not_warned_of(builder.scope("/", "100/hour")).await;
}

#[actix_web::test]
async fn the_cure_of_a_typo_limits() {
    log::capture();
    let limiter = still().route("POST /login", "2/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/login", web::post().to(plain))).await;
    assert_eq!(super::super::passing(&app, "POST", "/login", "", 5).await, 2);
    assert_eq!(log::here("L031"), Vec::<String>::new());
}

#[limiter_actix::limit("100/hour")]
#[actix_web::get("/search")]
async fn search() -> impl actix_web::Responder {
    "found"
}

/// An app with a route that takes GET only.
async fn searched(builder: LimiterBuilder) {
    log::capture();
    let limiter = builder.build().expect("a limiter");
    let app = init_service(App::new().wrap(limiter).service(search)).await;
    get(&app, "/search").await;
}

#[actix_web::test]
async fn a_rule_without_a_method_that_its_route_takes() {
    searched(still().route("POST,PUT /search", "5/hour")).await;
    let lines = warnings("POST,PUT /search");
    assert!(lines.len() == 1 && lines[0].contains("methods that its route does not take"), "{lines:?}");
    assert_eq!(log::here("L031").len(), 1);
}

#[actix_web::test]
async fn no_rule_with_one_of_its_methods() {
    for rule in ["POST,GET /search", "HEAD /search", "/search"] {
        searched(still().route(rule, "5/hour")).await;
        assert_eq!(log::here("L031"), Vec::<String>::new(), "{rule}");
    }
}
