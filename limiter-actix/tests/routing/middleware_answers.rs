//! Middleware that answers before routing takes no exemption away.

use actix_web::{
    App, Error, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorUnauthorized,
    get,
    middleware::{Next, from_fn},
    test::init_service,
    web,
};
use limiter_actix::{Exempt, Limit, Quota, ScopeExt, exempt, limit};
use limiter_test_support::app::{ask, get, request};

use super::{passing, plain, still};

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
