//! Costs, strategies, shadow limits and headers.

use actix_web::{dev::ServiceRequest, get};
use limiter_actix::{Limit, Limits, Quota, Strategy, limit as limited};
use limiter_test_support::play::{limits, page, ruled};

use crate::probe::hold;

fn once() -> Limit {
    Limit::new(Quota::per_minute(1))
}

#[test]
fn costs_by_number_and_by_function() {
    hold(
        |it| it.headers(true).application_limits(Limit::new(Quota::per_hour(100)).cost(10)),
        |app| {
            let length = |req: &ServiceRequest| req.query_string().len() as u64;
            app.service(ruled("/a", Limit::new(Quota::per_minute(10)).cost_with(length), "a"));
            app.service(ruled("/free", Limit::new(Quota::per_minute(10)).cost(0), "free"));
            app.service(page("/plain", ""));
        },
        &[
            (0.0, "GET /a?1234", "", "200 [L=10 R=6 X=T+60]"),
            (0.0, "GET /a?1234567", "", "429 [L=10 R=6 X=T+60 A=60]"),
            (0.0, "GET /a?123456", "", "200 [L=10 R=0 X=T+60]"),
            // A cost of 0 always passes.
            (0.0, "GET /a", "", "200 [L=10 R=0 X=T+60]"),
            (0.0, "GET /free", "", "200 [L=10 R=10 X=T+0]"),
            (0.0, "GET /plain", "", "200 [L=100 R=50 X=T+3600]"),
        ],
    );
}

#[test]
fn a_strategy_for_each_limit() {
    hold(
        |it| it.strategy(Strategy::MovingWindow).headers(true),
        |app| {
            let fixed = Limit::new(Quota::per_minute(2)).strategy(Strategy::FixedWindow);
            app.service(ruled("/fixed", fixed, "")).service(ruled("/moving", limits("2/minute"), ""));
        },
        &[
            (0.0, "GET /fixed", "", "200 [L=2 R=1 X=T+60]"),
            (0.0, "GET /moving", "", "200 [L=2 R=1 X=T+60]"),
            (40.0, "GET /fixed", "", "200 [L=2 R=0 X=T+60]"),
            (40.0, "GET /moving", "", "200 [L=2 R=0 X=T+60]"),
            // Both are free again, or one.
            (60.0, "GET /fixed", "", "200 [L=2 R=1 X=T+120]"),
            (60.0, "GET /moving", "", "200 [L=2 R=0 X=T+100]"),
        ],
    );
}

#[test]
fn a_burst_of_a_token_bucket() {
    hold(
        |it| it.headers(true),
        |app| {
            #[limited("1/second", strategy = "token-bucket", burst = 3)]
            #[get("/a")]
            async fn a() -> &'static str {
                "a"
            }
            app.service(a);
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=2 X=T+1]"),
            (0.0, "GET /a", "", "200 [L=1 R=1 X=T+2]"),
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+3]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+3 A=1]"),
            (1.0, "GET /a", "", "200 [L=1 R=0 X=T+4]"),
            (1.5, "GET /a", "", "429 [L=1 R=0 X=T+4 A=1]"),
        ],
    );
}

#[test]
fn a_shadow_limit_is_taken_from_when_the_request_is_admitted() {
    hold(
        |it| it.headers(true),
        |app| {
            let shadow = Limit::new(Quota::per_hour(3)).shadow(true).shared("watched");
            let look = Limit::new(Quota::per_hour(3)).shared("watched").cost(0);
            app.service(ruled("/a", Limits::from([shadow, once()]), "a")).service(ruled("/look", look, ""));
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60]"),
            (0.0, "GET /look", "", "200 [L=3 R=2 X=T+3600]"),
            (60.0, "GET /a", "", "200"),
            (120.0, "GET /a", "", "200"),
            (120.0, "GET /look", "", "200 [L=3 R=0 X=T+3600]"),
            // Spent, and still admitted.
            (180.0, "GET /a", "", "200 [L=1 R=0 X=T+240]"),
        ],
    );
}

#[test]
fn headers_show_the_shortest_window_of_the_innermost_level() {
    hold(
        |it| it.headers(true).application_limits("1000/second").default_limits("500/second"),
        |app| {
            let adding = limits("7/hour; 5/minute").each(|limit| limit.override_defaults(false));
            app.service(ruled("/a", adding, "a")).service(page("/b", "b"));
        },
        &[(0.0, "GET /a", "", "200 [L=5 R=4 X=T+60]"), (0.0, "GET /b", "", "200 [L=500 R=499 X=T+1]")],
    );
}

#[test]
fn headers_are_off_by_default() {
    hold(
        |it| it.default_limits("1/minute"),
        |app| {
            app.service(page("/a", "a"));
        },
        &[(0.0, "GET /a", "", "200 []"), (0.0, "GET /a", "", "429 [A=60]")],
    );
}
