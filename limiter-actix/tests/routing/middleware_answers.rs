//! Middleware that answers before routing takes no exemption away.

use actix_web::{
    App, Error, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorUnauthorized,
    get,
    http::StatusCode,
    middleware::{Next, from_fn},
    test::init_service,
    web,
};
use limiter_actix::{Exempt, Limit, Quota, ScopeExt, exempt, limit, resource};
use limiter_test_support::app::{ask, get, request};

use super::{passing, plain, spend, still};

#[exempt]
#[get("/health")]
async fn health() -> &'static str {
    "ok"
}

#[limit("5/hour")]
#[get("/login")]
async fn login() -> &'static str {
    "ok"
}

/// Lets through what has a token.
async fn authenticate<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    if req.headers().contains_key("x-token") {
        return next.call(req).await.map(ServiceResponse::map_into_left_body);
    }
    Ok(req.into_response(HttpResponse::Unauthorized()).map_into_right_body())
}

/// The same, by an error.
async fn or_error<B: MessageBody>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    if req.headers().contains_key("x-token") {
        return next.call(req).await;
    }
    Err(ErrorUnauthorized("no token"))
}

const TOKEN: &str = "x-token: 1";

/// Sends what middleware answers, spends the application limit of three, and expects `target` to be exempt.
macro_rules! stays_exempt {
    ($app:expr, $target:expr) => {
        let limiter = still().application_limits("3/hour").build().unwrap();
        let app = init_service($app(App::new(), limiter)).await;
        for _ in 0..5 {
            assert_eq!(get(&app, $target).await, 401);
        }
        let spent = passing(&app, "GET", "/spend", TOKEN, 4).await;
        assert_eq!(spent, 3, "nothing else was taken");
        assert_eq!(passing(&app, "GET", $target, TOKEN, 5).await, 5);
        assert_eq!(get(&app, $target).await, 401);
        assert_eq!(passing(&app, "GET", $target, TOKEN, 5).await, 5);
    };
}

#[actix_web::test]
async fn answers_around_the_app_keep_exemptions() {
    stays_exempt!(
        |app: App<_>, limiter| app
            .wrap(from_fn(authenticate))
            .wrap(limiter)
            .service(health)
            .route("/spend", web::get().to(plain)),
        "/health"
    );
}

#[actix_web::test]
async fn errors_around_the_app_keep_exemptions() {
    stays_exempt!(
        |app: App<_>, limiter| app
            .wrap(from_fn(or_error))
            .wrap(limiter)
            .service(health)
            .route("/spend", web::get().to(plain)),
        "/health"
    );
}

#[actix_web::test]
async fn answers_around_a_plain_scope_keep_exemptions() {
    stays_exempt!(
        |app: App<_>, limiter| app
            .wrap(limiter)
            .service(web::scope("/v1").wrap(from_fn(authenticate)).service(health))
            .route("/spend", web::get().to(plain)),
        "/v1/health"
    );
}

#[actix_web::test]
async fn answers_around_an_exempt_scope_keep_exemptions() {
    stays_exempt!(
        |app: App<_>, limiter| app
            .wrap(limiter)
            .service(
                web::scope("/v1")
                    .route("/x", web::get().to(plain))
                    .exempt(Exempt::ALL)
                    .wrap(from_fn(authenticate))
            )
            .route("/spend", web::get().to(plain)),
        "/v1/x"
    );
}

#[actix_web::test]
async fn answers_around_the_prefix_of_an_exempt_scope_keep_exemptions() {
    stays_exempt!(
        |app: App<_>, limiter| app
            .wrap(limiter)
            .service(
                web::scope("/v1")
                    .route("", web::get().to(plain))
                    .exempt(Exempt::ALL)
                    .wrap(from_fn(authenticate))
            )
            .route("/spend", web::get().to(plain)),
        "/v1"
    );
}

#[actix_web::test]
async fn answers_inside_an_exempt_scope_keep_exemptions() {
    stays_exempt!(
        |app: App<_>, limiter| app
            .wrap(limiter)
            .service(
                web::scope("/v1")
                    .wrap(from_fn(authenticate))
                    .route("", web::get().to(plain))
                    .exempt(Exempt::ALL)
            )
            .route("/spend", web::get().to(plain)),
        "/v1"
    );
}

#[actix_web::test]
async fn answers_around_nested_exempt_scopes_keep_exemptions() {
    stays_exempt!(
        |app: App<_>, limiter| app
            .wrap(limiter)
            .service(
                web::scope("/v1")
                    .service(
                        web::scope("/in")
                            .wrap(from_fn(authenticate))
                            .route("", web::get().to(plain))
                            .exempt(Exempt::ALL)
                    )
                    .exempt(Exempt::ALL)
                    .wrap(from_fn(authenticate))
            )
            .route("/spend", web::get().to(plain)),
        "/v1/in"
    );
}

/// The wrong guess of a password is refused by middleware inside; it counts all the same.
#[actix_web::test]
async fn the_limit_of_a_route_counts_answers_of_middleware() {
    let limiter = still().build().unwrap();
    let app = init_service(App::new().wrap(from_fn(authenticate)).wrap(limiter).service(login)).await;
    for _ in 0..5 {
        assert_eq!(get(&app, "/login").await, 401);
    }
    assert_eq!(get(&app, "/login").await, 429);
    assert_eq!(ask(&app, request("GET", "/login").insert_header(("x-token", "1"))).await.status, 429);
}

#[actix_web::test]
async fn the_limit_of_a_scope_counts_answers_of_its_middleware() {
    for prefix in ["/v1", ""] {
        let limiter = still().build().unwrap();
        let app = init_service(
            App::new().wrap(limiter).service(
                web::scope(prefix)
                    .wrap(from_fn(authenticate))
                    .service(login)
                    .route("/x", web::get().to(plain))
                    .limit(Limit::new(Quota::per_hour(5))),
            ),
        )
        .await;
        let target = format!("{prefix}/x");
        for _ in 0..5 {
            assert_eq!(get(&app, &target).await, 401);
        }
        assert_eq!(get(&app, &target).await, 429, "{prefix:?}");
        let target = format!("{prefix}/login");
        for _ in 0..5 {
            assert_eq!(get(&app, &target).await, 401);
        }
        assert_eq!(get(&app, &target).await, 429, "{prefix:?}");
    }
}

/// The scope consumes the whole path, so it looks as if a handler of the route had responded.
#[actix_web::test]
async fn answers_around_an_exempt_resource_at_the_prefix_of_its_scope_keep_exemptions() {
    stays_exempt!(
        |app: App<_>, limiter| app
            .wrap(limiter)
            .service(
                web::scope("/v1")
                    .wrap(from_fn(authenticate))
                    .service(resource("", Exempt::ALL, |it| it.to(plain)))
            )
            .route("/spend", web::get().to(plain)),
        "/v1"
    );
}

/// Responds with the status that a header names.
async fn respond_as_wanted<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let wanted = req.headers().get("x-status").and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(status) = wanted else { return next.call(req).await.map(ServiceResponse::map_into_left_body) };
    let status = StatusCode::from_u16(status).expect("a status");
    Ok(req.into_response(HttpResponse::new(status)).map_into_right_body())
}

/// Redirects, failures and answers to preflights, as middleware gives them before routing.
#[actix_web::test]
async fn whatever_middleware_answers_before_routing_keeps_exemptions() {
    let answers = [("GET", "302"), ("GET", "403"), ("GET", "503"), ("OPTIONS", "204")];
    for (method, status) in answers {
        let limiter = still().application_limits("3/hour").build().unwrap();
        let scope =
            web::scope("/v1")
                .wrap(from_fn(respond_as_wanted))
                .service(resource("/x", Exempt::ALL, |it| it.to(plain)));
        let app =
            init_service(App::new().wrap(limiter).service(scope).route("/spend", web::get().to(plain))).await;
        for _ in 0..3 {
            let asked = request(method, "/v1/x").insert_header(("x-status", status));
            let answer = ask(&app, asked.insert_header(("origin", "https://example.com"))).await;
            assert_eq!(answer.status.to_string(), status, "{method}");
        }
        spend(&app).await;
        assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 5, "{method} {status}");
    }
}
