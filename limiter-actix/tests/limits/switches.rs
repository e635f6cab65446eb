//! Switches of limits and of the limiter.

use actix_web::{App, dev::Service, test::init_service};
use limiter_actix::{Limit, Limits, Quota};
use limiter_test_support::play::{builder, clock, header, in_a_system, limits, page, play_to, ruled};

use crate::probe::hold;

fn once() -> Limit {
    Limit::new(Quota::per_minute(1))
}

#[test]
fn any_request_filter_admits() {
    hold(
        |it| {
            let filtered = it.default_limits("1/minute").headers(true);
            let filtered = filtered.request_filter(|req| header(req, "x") == Some("1"));
            filtered.request_filter(|req| header(req, "y") == Some("1"))
        },
        |app| {
            app.service(page("/a", "a")).service(ruled("/b", once(), "b"));
        },
        &[
            (0.0, "GET /a", "x: 1", "200 []"),
            (0.0, "GET /a", "y: 1", "200 []"),
            (0.0, "GET /b", "x: 1, y: 1", "200 []"),
            (0.0, "GET /a", "x: 0, y: 0", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429"),
            (0.0, "GET /a", "y: 1", "200 []"),
            (0.0, "GET /b", "", "200 [L=1 R=0 X=T+60]"),
        ],
    );
}

#[test]
fn a_limiter_that_is_off_counts_nothing() {
    hold(
        |it| it.enabled(false).default_limits("1/minute").headers(true),
        |app| {
            app.service(page("/a", "a")).service(ruled("/b", once(), "b"));
        },
        &[
            (0.0, "GET /a", "", "200 []"),
            (0.0, "GET /a", "", "200 []"),
            (0.0, "GET /b", "", "200 []"),
            (0.0, "GET /b", "", "200 []"),
        ],
    );
}

#[test]
fn a_limiter_switched_while_running() {
    let wrong = in_a_system(async {
        let clock = clock();
        let limiter = builder(&clock).default_limits("1/minute").headers(true).build().expect("a limit");
        let switch = limiter.clone();
        let app =
            App::new().wrap(limiter).service(page("/a", "a")).service(ruled("/b", limits("1/minute"), "b"));
        let app = init_service(app).await;
        let app = async |it: actix_web::test::TestRequest| app.call(it.to_request()).await;
        let mut wrong = Vec::new();
        let on = [(0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"), (0.0, "GET /a", "", "429")];
        wrong.extend(play_to(app, &clock, &on).await);
        switch.set_enabled(false);
        let off =
            [(0.0, "GET /a", "", "200 []"), (0.0, "GET /b", "", "200 []"), (0.0, "GET /b", "", "200 []")];
        wrong.extend(play_to(app, &clock, &off).await);
        switch.set_enabled(true);
        // What was counted before still is, and nothing was in between.
        let on = [
            (0.0, "GET /a", "", "429"),
            (0.0, "GET /b", "", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /b", "", "429"),
        ];
        wrong.extend(play_to(app, &clock, &on).await);
        wrong
    });
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn exempt_when_switches_one_limit_off() {
    hold(
        |it| it.headers(true),
        |app| {
            let unless_admin = once().exempt_when(|req| header(req, "admin").is_some());
            app.service(ruled("/a", Limits::from([unless_admin, Limit::new(Quota::per_hour(3))]), "a"));
        },
        &[
            (0.0, "GET /a", "admin: 1", "200 [L=3 R=2 X=T+3600]"),
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60]"),
            (0.0, "GET /a", "admin: 1", "200 [L=3 R=0 X=T+3600]"),
            (0.0, "GET /a", "admin: 1", "429 [L=3 R=0 X=T+3600 A=3600]"),
        ],
    );
}
