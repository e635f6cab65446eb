//! Keys of limits and of the limiter.

use actix_web::dev::ServiceRequest;
use limiter_actix::{Key, Limit, Limits, Quota};
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
fn a_missing_or_empty_key_falls_back_to_the_limiters() {
    hold(
        |it| it,
        |app| {
            app.service(ruled("/a", once().key(user), "a"));
        },
        &[
            (0.0, "GET /a", "user: u, k: c1", "200"),
            (0.0, "GET /a", "user: u, k: c2", "429"),
            (0.0, "GET /a", "user: v, k: c2", "200"),
            (0.0, "GET /a", "k: c1", "200"),
            (0.0, "GET /a", "k: c1", "429"),
            (0.0, "GET /a", "user: , k: c1", "429"),
            (0.0, "GET /a", "user: , k: c2", "200"),
        ],
    );
}

#[test]
fn a_missing_key_of_the_limiter_falls_back_to_the_address() {
    hold(
        |it| it.key(user).default_limits("1/minute"),
        |app| {
            app.service(page("/a", "a")).service(ruled("/own", once().key(|_| None::<String>), "own"));
        },
        &[
            (0.0, "GET /a", "user: u", "200"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "user: ", "429"),
            (0.0, "GET /own", "user: u", "200"),
            (0.0, "GET /own", "", "200"),
            (0.0, "GET /own", "", "429"),
        ],
    );
}

#[test]
fn only_unlimited_lifts_a_limit() {
    fn unless_admin(req: &ServiceRequest) -> Key {
        if header(req, "admin").is_some() { Key::unlimited() } else { Key::missing() }
    }
    hold(
        |it| it.headers(true).application_limits("9/minute"),
        |app| {
            let other = Limit::new(Quota::per_hour(5));
            app.service(ruled("/a", Limits::from([once().key(unless_admin), other]), "a"));
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60]"),
            (0.0, "GET /a", "admin: 1", "200 [L=5 R=3 X=T+3600]"),
        ],
    );
    hold(
        |it| it.key(unless_admin).default_limits("1/minute").meta_limits("1/hour").headers(true),
        |app| {
            app.service(page("/a", "a")).service(ruled("/own", once().key(|_| "own"), "own"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "", "429 '1 per 1 hour'"),
            (0.0, "GET /a", "admin: 1", "200 []"),
            // A key of its own is not lifted by the limiter's.
            (0.0, "GET /own", "admin: 1", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /own", "admin: 1", "429 '1 per 1 minute'"),
        ],
    );
}
