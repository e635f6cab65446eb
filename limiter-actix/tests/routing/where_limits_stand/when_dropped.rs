//! A request that is dropped, or whose handler panics, is made good like any other.

use std::panic::AssertUnwindSafe;

use actix_http::Request;
use actix_web::{
    App, Error, Route,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    get, guard,
    middleware::from_fn,
    test::init_service,
    web::{self, ServiceConfig},
};
use futures_util::FutureExt;
use limiter_actix::{Exempt, ScopeExt, exempt, limit};

use super::{
    super::{A, app, has_a, passing, plain, spend, still},
    Runs, defer, drop_after, limited, per_hour, with,
};

#[exempt]
#[get("/x")]
async fn exempt_x() -> &'static str {
    "ok"
}

#[limit("1000/hour")]
#[get("/x")]
async fn generous_x() -> &'static str {
    "ok"
}

/// Mounts a handler in a plain scope, beside a guarded exempt scope of the same prefix.
fn beside_an_exempt_scope(it: &mut ServiceConfig, plain_route: Route) {
    it.service(
        web::scope("/v1").guard(guard::fn_guard(has_a)).exempt(Exempt::ALL).route("/x", web::get().to(plain)),
    )
    .service(web::scope("/v1").route("/x", plain_route));
}

/// Drops many requests; of a limit of three that lets three through, and one more at most.
async fn is_free_once<S, B>(app: &S, target: &str, header: &str, runs: &Runs)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    for _ in 0..60 {
        drop_after(app, with("GET", target, header), 2).await;
    }
    assert!((3..=4).contains(&runs.count()), "{}", runs.count());
}

#[actix_web::test]
async fn beside_a_guarded_exempt_scope() {
    let runs = Runs::default();
    let app = app(|it| beside_an_exempt_scope(it, web::get().to(runs.hang()))).await;
    is_free_once(&app, "/v1/x", "", &runs).await;
}

#[actix_web::test]
async fn beside_a_guarded_exempt_scope_that_was_met() {
    let runs = Runs::default();
    let app = app(|it| beside_an_exempt_scope(it, web::get().to(runs.hang()))).await;
    assert_eq!(passing(&app, "GET", "/v1/x", A, 9).await, 9);
    is_free_once(&app, "/v1/x", "", &runs).await;
}

#[actix_web::test]
async fn beside_a_guarded_scope_with_a_greater_limit() {
    let runs = Runs::default();
    let app = limited(still().default_limits("3/hour"), |it| {
        it.service(
            web::scope("/v1")
                .guard(guard::fn_guard(has_a))
                .limit(per_hour(1000))
                .route("/x", web::get().to(plain)),
        )
        .service(web::scope("/v1").route("/x", web::get().to(runs.hang())));
    })
    .await;
    is_free_once(&app, "/v1/x", "", &runs).await;
}

#[actix_web::test]
async fn on_a_guarded_route_before_an_exempt_one() {
    let runs = Runs::default();
    let app = app(|it| {
        it.route("/{id}", web::get().guard(guard::fn_guard(has_a)).to(runs.hang())).service(exempt_x);
    })
    .await;
    is_free_once(&app, "/x", A, &runs).await;
}

#[actix_web::test]
async fn on_a_guarded_route_before_a_limited_one() {
    let runs = Runs::default();
    let app = limited(still().default_limits("3/hour"), |it| {
        it.route("/x", web::get().guard(guard::fn_guard(has_a)).to(runs.hang())).service(generous_x);
    })
    .await;
    is_free_once(&app, "/x", A, &runs).await;
}

#[actix_web::test]
async fn at_the_default_service_of_the_app() {
    let runs = Runs::default();
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(limiter)
            .service(web::scope("/v1").guard(guard::fn_guard(has_a)).service(exempt_x))
            .default_service(web::to(runs.hang())),
    )
    .await;
    is_free_once(&app, "/v1/x", "", &runs).await;
}

#[actix_web::test]
async fn at_the_default_service_of_a_scope() {
    let runs = Runs::default();
    let app = app(|it| {
        it.service(
            web::scope("/v1")
                .service(web::scope("/in").guard(guard::fn_guard(has_a)).service(exempt_x))
                .default_service(web::to(runs.hang())),
        );
    })
    .await;
    is_free_once(&app, "/v1/in/x", "", &runs).await;
}

#[actix_web::test]
async fn inside_of_another_limiter() {
    let runs = Runs::default();
    let inner = still().key_prefix("inner").build().unwrap();
    let app = app(|it| {
        it.service(web::scope("/v1/admin").wrap(inner).route("/x", web::get().to(runs.hang())))
            .service(web::scope("/v1").exempt(Exempt::ALL).route("/y", web::get().to(plain)));
    })
    .await;
    is_free_once(&app, "/v1/admin/x", "", &runs).await;
}

#[actix_web::test]
async fn behind_middleware_that_defers() {
    let runs = Runs::default();
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new()
            .wrap(from_fn(defer))
            .wrap(limiter)
            .configure(|it| beside_an_exempt_scope(it, web::get().to(runs.hang()))),
    )
    .await;
    is_free_once(&app, "/v1/x", "", &runs).await;
}

#[actix_web::test]
async fn when_the_handler_panics() {
    let runs = Runs::default();
    let app = app(|it| beside_an_exempt_scope(it, web::get().to(runs.panic()))).await;
    for _ in 0..60 {
        let answer = async { app.call(with("GET", "/v1/x", "").to_request()).await.map(|_| ()) };
        // Either the panic, or the refusal.
        drop(AssertUnwindSafe(answer).catch_unwind().await);
    }
    assert!((3..=4).contains(&runs.count()), "{}", runs.count());
    assert_eq!(passing(&app, "GET", "/v1/x", "", 5).await, 0);
}

#[actix_web::test]
async fn when_the_handler_panics_behind_a_grant_that_went_elsewhere() {
    let runs = Runs::default();
    let app = app(|it| {
        it.route("/{id}", web::get().guard(guard::fn_guard(has_a)).to(runs.panic())).service(exempt_x);
    })
    .await;
    for _ in 0..60 {
        let answer = async { app.call(with("GET", "/x", A).to_request()).await.map(|_| ()) };
        drop(AssertUnwindSafe(answer).catch_unwind().await);
    }
    assert!((3..=4).contains(&runs.count()), "{}", runs.count());
}

#[actix_web::test]
async fn at_a_limited_handler_they_have_taken() {
    let runs = Runs::default();
    let app = limited(still(), |it| {
        let scope = || web::scope("/v1").route("/x", web::get().to(runs.hang()));
        it.service(scope().guard(guard::fn_guard(has_a)).limit(per_hour(2))).service(scope());
    })
    .await;
    for _ in 0..60 {
        drop_after(&app, with("GET", "/v1/x", A), 2).await;
    }
    assert_eq!(runs.count(), 2);
}

#[actix_web::test]
async fn at_an_exempt_handler_they_take_nothing() {
    let runs = Runs::default();
    let app = app(|it| {
        it.service(web::scope("/v1").exempt(Exempt::ALL).route("/x", web::get().to(runs.hang())));
    })
    .await;
    for _ in 0..60 {
        drop_after(&app, with("GET", "/v1/x", ""), 2).await;
    }
    assert_eq!(runs.count(), 60);
    assert_eq!(passing(&app, "GET", "/spend", "", 9).await, 3);
}

/// Nothing but the route matches, so a request that was dropped before puts its exemption in no doubt.
#[actix_web::test]
async fn before_an_exempt_route_that_nothing_else_matches() {
    let limiter = still().application_limits("3/hour").build().unwrap();
    let app = init_service(
        App::new().wrap(from_fn(defer)).wrap(limiter).service(exempt_x).route("/spend", web::get().to(plain)),
    )
    .await;
    for _ in 0..3 {
        assert_eq!(drop_after(&app, with("GET", "/x", ""), 1).await, None);
    }
    spend(&app).await;
    assert_eq!(passing(&app, "GET", "/x", "", 9).await, 9);
}
