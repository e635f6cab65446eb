//! Costs that are taken only if the response says so.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse, ResponseError,
    dev::{ResponseHead, Service},
    error::{ErrorBadRequest, ErrorUnauthorized},
    get,
    guard::{GuardContext, fn_guard},
    rt::task::yield_now,
    test::init_service,
    web::{self, ServiceConfig},
};
use futures_util::future::join_all;
use limiter_actix::{Exempt, Limit, Limiter, Quota, exempt, resource};
use limiter_test_support::{
    play::{builder, clock, expect, in_a_system, page, play_to, read},
    storages::StorageKind,
};

use crate::probe::hold;

/// Only failures count.
fn failed(answer: &ResponseHead) -> bool {
    answer.status.is_client_error()
}

pub(crate) fn one_failure() -> Limit {
    Limit::new(Quota::per_minute(1)).deduct_when(failed)
}

/// Succeeds with the right password.
async fn login(req: HttpRequest) -> Result<&'static str, Error> {
    match req.headers().get("password") {
        Some(password) if password == "right" => Ok("welcome"),
        Some(_) => Err(ErrorUnauthorized("wrong")),
        None => Err(ErrorBadRequest("none")),
    }
}

#[test]
fn only_failures_count() {
    hold(
        |it| it.headers(true),
        |app| {
            let two = Limit::new(Quota::per_minute(2)).deduct_when(failed);
            app.service(resource("/login", two, |it| it.to(login)));
        },
        &[
            (0.0, "POST /login", "password: right", "200 [L=2 R=2 X=T+0]"),
            (0.0, "POST /login", "password: right", "200 [L=2 R=2 X=T+0]"),
            (0.0, "POST /login", "password: right", "200 [L=2 R=2 X=T+0]"),
            (1.0, "POST /login", "password: wrong", "401 [L=2 R=1 X=T+61]"),
            (2.0, "POST /login", "password: right", "200 [L=2 R=1 X=T+61]"),
            // An error from inside is a response like any other.
            (3.0, "POST /login", "", "400 [L=2 R=0 X=T+61]"),
            (4.0, "POST /login", "password: right", "429 [L=2 R=0 X=T+61 A=57]"),
            (61.0, "POST /login", "password: right", "200"),
        ],
    );
}

#[test]
fn an_unconditional_cost_stays() {
    hold(
        |it| it.headers(true),
        |app| {
            app.service(resource("/a", Limit::new(Quota::per_minute(2)).deduct_when(|_| true), |it| {
                it.to(login)
            }));
        },
        &[
            (0.0, "GET /a", "password: right", "200 [L=2 R=1 X=T+60]"),
            (0.0, "GET /a", "", "400 [L=2 R=0 X=T+60]"),
            (0.0, "GET /a", "password: right", "429 [L=2 R=0 X=T+60 A=60]"),
        ],
    );
}

#[test]
fn other_limits_of_the_request_stay_taken() {
    hold(
        |it| it.headers(true).application_limits("3/hour"),
        |app| {
            app.service(resource("/login", one_failure(), |it| it.to(login))).service(page("/b", "b"));
        },
        &[
            (0.0, "POST /login", "password: right", "200"),
            (0.0, "POST /login", "password: right", "200"),
            (0.0, "GET /b", "", "200 [L=3 R=0 X=T+3600]"),
            (0.0, "POST /login", "password: right", "429 [L=3 R=0 X=T+3600 A=3600]"),
        ],
    );
}

#[test]
fn refused_requests_never_reach_the_callback() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let limit = Limit::new(Quota::per_hour(5)).deduct_when(move |answer| {
        assert_ne!(answer.status, 429);
        counter.fetch_add(1, Relaxed);
        true
    });
    expect(
        |it| it.application_limits("1/minute"),
        |app| {
            app.service(resource("/login", limit, |it| it.to(login)));
        },
        &[
            (0.0, "POST /login", "", "400"),
            (0.0, "POST /login", "", "429 '1 per 1 minute'"),
            (0.0, "POST /login", "", "429 '1 per 1 minute'"),
        ],
    );
    assert!(asked.load(Relaxed) > 0, "the admitted one was asked");
}

/// Lets what comes back get to a storage that is far.
pub(crate) async fn refunded() {
    for _ in 0..10 {
        yield_now().await;
    }
}

/// Lets all requests that come at once be decided, on a storage that is far, too.
pub(crate) async fn decided() {
    for _ in 0..50 {
        yield_now().await;
    }
}

pub(crate) fn limiter(clock: &Arc<limiter_actix::ManualClock>, kind: StorageKind) -> Limiter {
    kind.set(builder(clock)).headers(true).build().expect("there is nothing to read")
}

#[test]
fn one_of_a_hundred_at_once_is_admitted() {
    for kind in StorageKind::ALL {
        let statuses = in_a_system(async {
            async fn slow() -> HttpResponse {
                decided().await;
                HttpResponse::Ok().finish()
            }
            let app = App::new()
                .wrap(limiter(&clock(), kind))
                .service(resource("/a", one_failure(), |it| it.to(slow)));
            let app = init_service(app).await;
            let requests = (0..100).map(|_| app.call(read("GET /a", "").to_request()));
            join_all(requests)
                .await
                .into_iter()
                .map(|answer| answer.expect("an answer").status().as_u16())
                .collect::<Vec<_>>()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "storage {kind:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 99, "storage {kind:?}");
    }
}

/// An error whose response can be made only once.
#[test]
fn errors_of_middleware_count() {
    #[derive(Debug)]
    struct Failure;
    impl std::fmt::Display for Failure {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("failure")
        }
    }
    impl ResponseError for Failure {
        fn status_code(&self) -> actix_web::http::StatusCode {
            actix_web::http::StatusCode::FORBIDDEN
        }
    }
    let wrong = in_a_system(async {
        let clock = clock();
        let limiter = builder(&clock).headers(true).default_limits(one_failure()).build().expect("a limit");
        let fails = actix_web::middleware::from_fn(
            async |_: actix_web::dev::ServiceRequest,
                   _: actix_web::middleware::Next<actix_web::body::BoxBody>|
                   -> Result<actix_web::dev::ServiceResponse, Error> { Err(Failure.into()) },
        );
        let app = init_service(App::new().wrap(fails).wrap(limiter).service(page("/a", "a"))).await;
        let steps =
            [(0.0, "GET /a", "", "403 [L=1 R=0 X=T+60]"), (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60]")];
        play_to(async |it| app.call(it.to_request()).await, &clock, &steps).await
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// A guarded handler answers for an exempt route, and only then the limit is known to hold: its callback
/// gets the response all the same.
#[test]
fn a_limit_met_after_routing_reads_the_response_too() {
    // The method of a route attribute is known, so that it is exempt before routing. A resource may have guards.
    let of_attribute = |app: &mut ServiceConfig| {
        app.service(exempt_login);
    };
    let of_resource = |app: &mut ServiceConfig| {
        app.service(resource("/a", Exempt::ALL, |it| it.to(login)));
    };
    for exempt in [of_attribute as fn(&mut ServiceConfig), of_resource] {
        for kind in StorageKind::ALL {
            assert_eq!(after_the_response(kind, exempt, "right"), [200, 200], "storage {kind:?}");
            assert_eq!(after_the_response(kind, exempt, "wrong"), [401, 429], "storage {kind:?}");
        }
    }
}

#[exempt]
#[get("/a")]
async fn exempt_login(req: HttpRequest) -> Result<&'static str, Error> {
    login(req).await
}

/// Logs in at a guarded handler in front of an exempt one, and then elsewhere with the right password.
fn after_the_response(kind: StorageKind, exempt: fn(&mut ServiceConfig), password: &str) -> [u16; 2] {
    let has_password = |it: &GuardContext<'_>| it.head().headers().contains_key("password");
    in_a_system(async {
        let limiter = kind.set(builder(&clock())).application_limits(one_failure()).build();
        let app = App::new()
            .wrap(limiter.expect("a limit"))
            .route("/a", web::get().guard(fn_guard(has_password)).to(login))
            .configure(exempt)
            .route("/b", web::get().to(login));
        let app = init_service(app).await;
        let log_in = async |target: &str, password: &str| {
            let request = read(target, "").insert_header(("password", password)).to_request();
            app.call(request).await.expect("a response").status().as_u16()
        };
        let first = log_in("GET /a", password).await;
        refunded().await;
        [first, log_in("GET /b", "right").await]
    })
}

#[test]
fn a_default_service_counts_as_any_route() {
    hold(
        |it| it.default_limits(one_failure()),
        |app| {
            app.default_service(web::to(login));
        },
        &[
            (0.0, "GET /x", "password: right", "200"),
            (0.0, "GET /x", "password: right", "200"),
            (0.0, "GET /y", "password: wrong", "401"),
            (0.0, "GET /x", "password: right", "429"),
        ],
    );
}
