//! Limits of the place that responded, if another was predicted: they are charged after the response.

use actix_web::{
    App, HttpResponse,
    dev::HttpServiceFactory,
    guard,
    middleware::NormalizePath,
    test::init_service,
    web::{self, get},
};
use limiter_actix::{Exempt, Key, Limit, Quota, Usage, exempt, resource};
use limiter_test_support::{
    app::{ask, get as status, request},
    play::{builder, clock, in_a_system},
    storages::StorageKind,
};

use crate::deduct::refunded;

/// The path is rewritten, so that the default limits are charged first. They are given back once.
#[test]
fn what_was_refunded_stays_refunded_under_async_functions() {
    for kind in StorageKind::ALL {
        in_a_system(async {
            let unmatched = Limit::new(Quota::per_hour(2)).deduct_when(|answer| answer.status == 401);
            let by_user = Limit::new(Quota::per_hour(9)).key_async(async |_: &_| Key::text("user", "a"));
            let limiter = kind.set(builder(&clock())).default_limits(unmatched).route("/login", by_user);
            let app = App::new().wrap(NormalizePath::trim()).wrap(limiter.build().expect("a limiter"));
            let app = app.route("/login", get().to(async || "in"));
            let app = init_service(app.default_service(web::to(HttpResponse::Unauthorized))).await;
            assert_eq!(status(&app, "/missing").await, 401);
            assert_eq!(status(&app, "/login/").await, 200);
            refunded().await;
            assert_eq!(
                [status(&app, "/missing").await, status(&app, "/missing").await],
                [401, 429],
                "{kind:?}"
            );
        });
    }
}

/// Requests a metered place beside an exempt one; returns the rest of 10 that the usage of 1 leaves.
async fn left_beside(kind: StorageKind, exempt: impl HttpServiceFactory + 'static) -> u64 {
    let tokens = Limit::new(Quota::per_hour(10)).metered(true).cost(4).name("tokens");
    let limiter = kind.set(builder(&clock())).application_limits(tokens).build().expect("a limiter");
    let metered = async |usage: Usage| {
        usage.set(1);
        "metered"
    };
    let app = App::new()
        .wrap(limiter.clone())
        .route("/x", get().guard(guard::Host("example.com")).to(metered))
        .service(exempt);
    let app = init_service(app).await;
    let answer = ask(&app, request("GET", "/x").insert_header(("host", "example.com"))).await;
    assert_eq!(&*answer.body, "metered");
    refunded().await;
    limiter.window("tokens", &Key::text("k", "c1")).await.expect("it is known").remaining()
}

/// A guard decides between the two before the request is charged.
#[test]
fn metered_limits_are_settled_beside_a_twin() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        let twin = resource("/x", Exempt::ALL, |it| it.to(async || "exempt"));
        assert_eq!(in_a_system(left_beside(kind, twin)), 9, "{kind:?}");
    }
}

/// The route attribute is expected to take all requests, so the metered place is charged after the response.
#[test]
fn metered_limits_are_settled_after_the_response() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        assert_eq!(in_a_system(left_beside(kind, exempt_x)), 9, "{kind:?}");
    }
}

#[exempt]
#[actix_web::get("/x")]
async fn exempt_x() -> &'static str {
    "exempt"
}

/// The defect: under a spent meta limit nothing was charged afterwards, and it was refunded all the same.
#[test]
fn what_was_not_charged_is_not_refunded() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        in_a_system(async {
            let cost = |req: &actix_web::dev::ServiceRequest| {
                if req.headers().contains_key("x-two") { 2 } else { 1 }
            };
            let limit =
                Limit::new(Quota::per_hour(3)).cost_with(cost).meta(Quota::per_day(1)).name("failures");
            let limit = limit.deduct_when(|answer| answer.status.is_server_error());
            let limiter = kind.set(builder(&clock())).application_limits(limit).build().expect("a limiter");
            let app = App::new()
                .wrap(limiter.clone())
                .route("/broken", get().to(HttpResponse::InternalServerError))
                .route("/x", get().guard(guard::Host("example.com")).to(async || "plain"))
                .service(exempt_x);
            let app = init_service(app).await;
            for expected in [500, 429] {
                let two = request("GET", "/broken").insert_header(("x-two", "1"));
                assert_eq!(ask(&app, two).await.status, expected, "the second is a breach");
            }
            let answer = ask(&app, request("GET", "/x").insert_header(("host", "example.com"))).await;
            assert_eq!(&*answer.body, "plain");
            refunded().await;
            let window = limiter.window("failures", &Key::text("k", "c1")).await.expect("it is known");
            assert_eq!(window.remaining(), 1, "{kind:?}");
        });
    }
}

/// The request was taken for one to the exempt route, where no function is called.
#[test]
fn limits_with_async_functions_are_charged() {
    for kind in [StorageKind::Memory, StorageKind::Remote] {
        in_a_system(async {
            let by_user = Limit::new(Quota::per_hour(3)).key_async(async |_: &_| Key::text("k", "ada"));
            let limiter = kind.set(builder(&clock())).application_limits(by_user.name("of users"));
            let limiter = limiter.build().expect("a limiter");
            let app = App::new()
                .wrap(limiter.clone())
                .route("/x", get().guard(guard::Host("example.com")).to(async || "plain"))
                .service(exempt_x);
            let app = init_service(app).await;
            let answer = ask(&app, request("GET", "/x").insert_header(("host", "example.com"))).await;
            assert_eq!(&*answer.body, "plain");
            refunded().await;
            let window = limiter.window("of users", &Key::text("k", "ada")).await.expect("it is known");
            assert_eq!(window.remaining(), 2, "{kind:?}");
        });
    }
}
