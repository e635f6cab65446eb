//! Middleware that changes the path before routing.

use actix_web::{
    App, Error, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    get,
    http::Uri,
    middleware::{Next, NormalizePath, TrailingSlash, from_fn},
    test::init_service,
    web,
};
use limiter_actix::{Exempt, Limit, Quota, ScopeExt, exempt, limit};
use limiter_test_support::{app, log};

use super::{A, passing, plain, spend, still};

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
    spend(&app).await;
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

/// Changes the path of a stranger, and responds before routing; `/lower` in capitals becomes the same in small letters.
async fn show_login<B: MessageBody>(
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let is_stranger = req.headers().contains_key("x-a");
    let path = if is_stranger { "/login".to_owned() } else { req.path().to_lowercase() };
    let uri: Uri = path.parse().expect("a path");
    req.match_info_mut().get_mut().update(&uri);
    req.head_mut().uri = uri;
    if is_stranger {
        return Ok(req.into_response(HttpResponse::Unauthorized()).map_into_right_body());
    }
    next.call(req).await.map(ServiceResponse::map_into_left_body)
}

/// An app with that middleware, in which `/login` is closed.
macro_rules! showing_login {
    () => {
        init_service(
            App::new()
                .wrap(from_fn(show_login))
                .wrap(still().route("/login", "0/day").build().unwrap())
                .route("/login", web::get().to(plain))
                .route("/users/{id}", web::get().to(plain)),
        )
        .await
    };
}

#[actix_web::test]
async fn a_path_that_changes_for_an_answer_of_middleware_teaches_nothing() {
    let app = showing_login!();
    let stranger = app::request("GET", "/users/1").insert_header(("x-a", "1"));
    assert_eq!(app::ask(&app, stranger).await.status, 401);
    assert_eq!(passing(&app, "GET", "/users/1", "", 5).await, 5, "it does not become /login");
}

#[actix_web::test]
async fn a_path_that_changes_and_leads_to_the_same_route_is_not_logged() {
    log::capture();
    let app = showing_login!();
    assert_eq!(passing(&app, "GET", "/users/A", "", 5).await, 5);
    assert!(log::here("L015").is_empty());
}

/// Leads `/v1` to `/a` or to `/b`, as a header wants it.
async fn choose<B: MessageBody>(mut req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    if let Some(rest) = req.path().strip_prefix("/v1") {
        let prefix = if req.headers().contains_key("x-a") { "/a" } else { "/b" };
        let uri: Uri = format!("{prefix}{rest}").parse().expect("a path");
        req.match_info_mut().get_mut().update(&uri);
        req.head_mut().uri = uri;
    }
    next.call(req).await
}

/// Leads whoever has a header from `/a` to `/b`.
async fn redirect_inside<B: MessageBody>(
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if req.headers().contains_key("x-a") {
        let uri = Uri::from_static("/b");
        req.match_info_mut().get_mut().update(&uri);
        req.head_mut().uri = uri;
    }
    next.call(req).await
}

/// Both changes are known, and the path does not show which of them comes.
#[actix_web::test]
async fn a_path_that_becomes_one_of_two_is_exempt_once_at_the_other() {
    let limiter = still().application_limits("5/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(choose))
            .wrap(limiter)
            .service(web::scope("/a").exempt(Exempt::ALL).route("/x", web::get().to(plain)))
            .route("/b/x", web::get().to(plain))
            .route("/spend", web::get().to(plain)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 2).await, 2);
    assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 9);
    spend(&app).await;
    assert!(passing(&app, "GET", "/v1/x", "", 9).await <= 1);
}

/// The requests before have gone where their path leads, so that the way of the next one seems to be certain.
#[actix_web::test]
async fn a_path_that_is_rewritten_for_the_first_time_after_many_requests() {
    let app = init_service(
        App::new()
            .wrap(from_fn(redirect_inside))
            .wrap(still().route("/b", "1/hour").build().unwrap())
            .route("/a", web::get().to(plain))
            .route("/b", web::get().to(plain)),
    )
    .await;
    assert_eq!(passing(&app, "GET", "/a", "", 9).await, 9);
    assert_eq!(passing(&app, "GET", "/a", super::A, 9).await, 1);
    assert_eq!(passing(&app, "GET", "/b", "", 9).await, 0);
}

/// Middleware in a scope that leads to another of its routes, by a path that begins with another prefix.
async fn to_slow<B: MessageBody>(
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let uri = Uri::from_static("/v2/slow");
    req.match_info_mut().get_mut().update(&uri);
    req.head_mut().uri = uri;
    next.call(req).await
}

/// The rules that the request has met are not those of any place of its path.
#[actix_web::test]
async fn a_path_rewritten_in_a_scope_to_one_outside_of_it() {
    let limiter = still().application_limits("9/hour").default_limits("5/hour").build().unwrap();
    let scope = web::scope("/v1").wrap(from_fn(to_slow)).service(slow).route("/x", web::get().to(plain));
    let scope = scope.limit(Limit::new(Quota::per_hour(7)).override_defaults(false));
    let app = init_service(App::new().wrap(limiter).service(scope).route("/y", web::get().to(plain))).await;
    assert_eq!(passing(&app, "GET", "/v1/x", "", 9).await, 3, "by the limit of the route where it arrives");
    assert_eq!(passing(&app, "GET", "/y", "", 9).await, 5);
    assert_eq!(passing(&app, "GET", "/y", "", 9).await, 0);
}

/// No rule shows that the path leads elsewhere.
#[actix_web::test]
async fn default_limits_count_at_the_route_that_the_path_had_before() {
    // A request filter takes requests off the straight way.
    for filters in [false, true] {
        let limiter = still().default_limits("1/hour");
        let limiter = if filters { limiter.request_filter(|_| false) } else { limiter };
        let app = init_service(
            App::new()
                .wrap(from_fn(redirect_inside))
                .wrap(limiter.build().unwrap())
                .route("/a", web::get().to(plain))
                .route("/b", web::get().to(plain)),
        )
        .await;
        assert_eq!(passing(&app, "GET", "/a", A, 3).await, 1, "filters: {filters}");
        assert_eq!(passing(&app, "GET", "/b", "", 3).await, 1, "filters: {filters}");
    }
}
