//! A handler or default service that answers as middleware does, with a redirect or a refusal of its own, shows all the
//! same that a grant was wrong.

use actix_web::{
    App, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    get, guard,
    middleware::{Next, from_fn},
    test::init_service,
    web,
};
use limiter_actix::exempt;

use super::{
    super::{A, app, has_a, still},
    admitted, without_v1,
};

#[exempt]
#[get("/x")]
async fn exempt_x() -> &'static str {
    "ok"
}

async fn unauthorized() -> HttpResponse {
    HttpResponse::Unauthorized().finish()
}

async fn redirect() -> HttpResponse {
    HttpResponse::Found().finish()
}

/// Expects that a limit of three lets three requests through, and one more at most.
macro_rules! is_free_once {
    ($app:expr, $target:expr, $header:expr) => {
        let answered = admitted(&$app, "GET", $target, $header, 50).await;
        assert!((3..=4).contains(&answered), "{}: {answered}", $target);
        assert_eq!(admitted(&$app, "GET", $target, $header, 50).await, 0);
    };
}

#[actix_web::test]
async fn a_guarded_handler_before_an_exempt_route() {
    let guarded = || web::get().guard(guard::fn_guard(has_a));
    let first = app(|it| {
        it.route("/x", guarded().to(unauthorized)).service(exempt_x);
    })
    .await;
    let second = app(|it| {
        it.route("/x", guarded().to(redirect)).service(exempt_x);
    })
    .await;
    is_free_once!(first, "/x", A);
    is_free_once!(second, "/x", A);
}

#[actix_web::test]
async fn the_default_service_of_the_app() {
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(limiter)
            .service(web::scope("/v1").guard(guard::fn_guard(has_a)).service(exempt_x))
            .default_service(web::to(redirect)),
    )
    .await;
    is_free_once!(app, "/v1/x", "");
}

/// Browsers send the header with other requests, too, which no middleware answers as it does preflights.
#[actix_web::test]
async fn a_request_with_an_origin_is_no_preflight() {
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(perhaps_without_v1))
            .wrap(limiter)
            .service(web::scope("/v1").guard(guard::fn_guard(has_a)).service(exempt_x))
            .default_service(web::to(HttpResponse::Ok)),
    )
    .await;
    is_free_once!(app, "/v1/x", "origin: https://example.com");
}

/// Takes `/v1` off the path if the request has a header.
async fn perhaps_without_v1<B: MessageBody>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    if req.headers().contains_key("x-a") { without_v1(req, next).await } else { next.call(req).await }
}

/// The path often becomes that of the exempt route, but not this time.
#[actix_web::test]
async fn behind_middleware_that_changes_some_paths() {
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(perhaps_without_v1))
            .wrap(limiter)
            .service(exempt_x)
            .default_service(web::to(unauthorized)),
    )
    .await;
    assert_eq!(admitted(&app, "GET", "/v1/x", A, 9).await, 9);
    is_free_once!(app, "/v1/x", "");
}
