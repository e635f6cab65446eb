//! Messages and responses of refusals.

use actix_web::{HttpResponse, dev::ServiceRequest, get};
use limiter_actix::{Key, Limit, Quota, limit as limited};
use limiter_test_support::play::{header, page, ruled};

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
