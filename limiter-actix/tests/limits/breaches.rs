//! Messages and responses of refusals.

use actix_web::{App, HttpResponse, dev::ServiceRequest, get, guard, test::init_service, web};
use limiter_actix::{CurrentLimit, Key, Limit, Limiter, Quota, limit as limited, resource};
use limiter_test_support::{
    app::{ask, get as status, request},
    log,
    play::{header, page, ruled},
};

use crate::probe::hold;

fn once() -> Limit {
    Limit::new(Quota::per_minute(1))
}

/// The header `user`, which may be missing or empty.
fn user(req: &ServiceRequest) -> Key {
    header(req, "user").map(|user| Key::text("user", user)).into()
}

#[test]
fn error_messages_on_all_tiers() {
    hold(
        |it| {
            it.application_limits(Limit::new(Quota::per_minute(3)).error_message("the application's"))
                .default_limits(
                    Limit::new(Quota::per_minute(1)).error_message_with(|req| format!("at {}", req.path())),
                )
        },
        |app| {
            #[limited("1/minute", error_message = told)]
            #[get("/own")]
            async fn own() -> &'static str {
                "own"
            }
            fn told(req: &ServiceRequest) -> String {
                format!("not again, {}", header(req, "k").unwrap_or("you"))
            }
            app.service(page("/a", "a")).service(page("/b", "b")).service(page("/c", "c")).service(own);
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 'at /a'"),
            (0.0, "GET /own", "", "200"),
            (0.0, "GET /own", "", "429 'not again, you'"),
            (0.0, "GET /b", "", "200"),
            (0.0, "GET /own", "k: me", "200"),
            (0.0, "GET /own", "k: me", "429 'not again, me'"),
            (0.0, "GET /c", "", "429 'the application's'"),
        ],
    );
}

#[test]
fn on_breach_of_the_limit_then_of_the_limiter_then_the_default() {
    fn only_for_b(breach: &limiter_actix::Breach, _: &ServiceRequest) -> Option<HttpResponse> {
        (breach.route() == Some("/b")).then(|| HttpResponse::Ok().body("the limiter's"))
    }
    hold(
        |it| it.headers(true).on_breach(only_for_b),
        |app| {
            let own = once().on_breach(|_, _| Some(HttpResponse::Conflict().body("its own")));
            let none = || once().on_breach(|_, _| None);
            app.service(ruled("/a", own, "a")).service(ruled("/b", none(), "b")).service(ruled(
                "/c",
                none(),
                "c",
            ));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "409 [L=1 R=0 X=T+60 A=60] 'its own'"),
            (0.0, "GET /b", "", "200"),
            (0.0, "GET /b", "", "200 [L=1 R=0 X=T+60 A=60] 'the limiter's'"),
            (0.0, "GET /c", "", "200"),
            (0.0, "GET /c", "", "429 [L=1 R=0 X=T+60 A=60] '1 per 1 minute'"),
        ],
    );
}

#[test]
fn on_breach_receives_the_breach() {
    hold(
        |it| {
            it.on_breach(|breach, _| {
                let (name, key, route) = (breach.name(), breach.key(), breach.route());
                let (limit, left) = (breach.window().limit(), breach.window().remaining());
                Some(
                    HttpResponse::Ok()
                        .body(format!("{name:?} {key:?} {route:?} {limit} {left} {}", breach.is_meta())),
                )
            })
        },
        |app| {
            let limit = Limit::new(Quota::per_minute(3)).name("items").key(user).cost(2);
            app.service(ruled("/items/{id}", limit, "item"));
        },
        &[
            (0.0, "GET /items/1", "user: u", "200 'item'"),
            (0.0, "GET /items/2", "user: u", "200 'Some(\"items\") user Some(\"/items/{id}\") 3 1 false'"),
        ],
    );
}

/// Its cost or its quota is wrong, and the client can do nothing about it.
#[actix_web::test]
async fn a_request_that_never_passes_is_logged_once() {
    log::capture();
    let limit = Limit::new(Quota::per_hour(2)).cost_with(|_| 3);
    let app = App::new().wrap(Limiter::default());
    let app = init_service(app.service(resource("/never", limit, |it| it.to(async || "never")))).await;
    for _ in 0..2 {
        assert_eq!(status(&app, "/never").await, 429);
    }
    let lines = log::here("it will never pass");
    assert!(lines.len() == 1 && lines[0].contains("2 per 1 hour"), "{lines:?}");
}

/// The limit that the request was charged for before is not charged in the end.
#[actix_web::test]
async fn a_breach_after_routing_has_the_limits_met_before() {
    let added = Limit::new(Quota::per_day(1)).override_defaults(false).on_breach(|breach, _| {
        let limit = |it: &CurrentLimit| format!("{} {}", it.quota(), it.window().remaining());
        let limits: Vec<_> = breach.limits().iter().map(limit).collect();
        Some(HttpResponse::TooManyRequests().body(limits.join(", ")))
    });
    let limiter = Limiter::builder().application_limits("5/day").build().expect("a limiter");
    let app = App::new()
        .wrap(limiter)
        .service(web::resource("/{page}").guard(guard::Host("example.com")).to(async || "page"))
        .service(resource("/hidden", added, |it| it.to(async || "hidden")));
    let app = init_service(app).await;
    assert_eq!(status(&app, "/hidden").await, 200);
    assert_eq!(ask(&app, request("GET", "/hidden")).await.body, "5 per 1 day 4, 1 per 1 day 0");
}
