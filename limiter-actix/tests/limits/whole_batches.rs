//! The limits of one request are decided together, and one of them is named.

use actix_web::{HttpResponse, http::header::RETRY_AFTER};
use limiter_actix::{Limit, Limits, Quota, Strategy};
use limiter_test_support::play::{header, limits, ruled};

use crate::probe::hold;

/// A limit that shows how it stands, and takes nothing.
fn look(quota: Quota, name: &'static str) -> Limit {
    Limit::new(quota).shared(name).cost(0)
}

#[test]
fn all_limits_are_charged_or_none() {
    hold(
        |it| it.headers(true),
        |app| {
            let both = [Limit::new(Quota::per_second(100)).shared("fast"), Limit::new(Quota::per_minute(3))];
            app.service(ruled("/a", Limits::from(both), "a")).service(ruled(
                "/look",
                look(Quota::per_second(100), "fast"),
                "",
            ));
        },
        &[
            (0.0, "GET /a", "", "200 [L=100 R=99 X=T+1]"),
            (0.0, "GET /a", "", "200 [L=100 R=98 X=T+1]"),
            (0.0, "GET /a", "", "200 [L=100 R=97 X=T+1]"),
            (0.0, "GET /a", "", "429 [L=3 R=0 X=T+60 A=60] '3 per 1 minute'"),
            (0.0, "GET /a", "", "429 [L=3 R=0 X=T+60 A=60] '3 per 1 minute'"),
            (0.0, "GET /a", "", "429 [L=3 R=0 X=T+60 A=60] '3 per 1 minute'"),
            // Of six requests, the first limit has been charged three.
            (0.0, "GET /look", "", "200 [L=100 R=97 X=T+1]"),
        ],
    );
}

#[test]
fn levels_are_decided_together() {
    hold(
        |it| {
            it.headers(true)
                .application_limits(Limit::new(Quota::per_hour(10)).shared("all"))
                .default_limits("1/minute")
        },
        |app| {
            app.service(ruled(
                "/a",
                Limit::new(Quota::per_day(5)).override_defaults(false).shared("own"),
                "a",
            ))
            .service(ruled("/look", look(Quota::per_day(5), "own"), ""));
        },
        &[
            (0.0, "GET /a", "", "200 [L=5 R=4 X=T+86400]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+60 A=60] '1 per 1 minute'"),
            (0.0, "GET /look", "", "200 [L=5 R=4 X=T+86400]"),
        ],
    );
}

#[test]
fn a_cost_above_the_limit_never_passes_and_takes_nothing() {
    hold(
        |it| it.headers(true),
        |app| {
            let costs = |limit: Limit| {
                limit.cost_with(|req| header(req, "cost").and_then(|it| it.parse().ok()).unwrap_or(1))
            };
            let both = [
                costs(Limit::new(Quota::per_hour(20)).shared("many")),
                costs(Limit::new(Quota::per_minute(3))),
            ];
            app.service(ruled("/a", Limits::from(both), "a")).service(ruled(
                "/look",
                look(Quota::per_hour(20), "many"),
                "",
            ));
        },
        &[
            // No wait helps: no Retry-After, and the window is untouched.
            (0.0, "GET /a", "cost: 4", "429 [L=3 R=3 X=T+0] '3 per 1 minute'"),
            (0.0, "GET /look", "", "200 [L=20 R=20 X=T+0]"),
            (0.0, "GET /a", "cost: 3", "200 [L=3 R=0 X=T+60]"),
            (60.0, "GET /a", "cost: 4", "429 [L=3 R=3 X=T+60] '3 per 1 minute'"),
            (60.0, "GET /look", "", "200 [L=20 R=17 X=T+3600]"),
        ],
    );
}

#[test]
fn a_cost_above_the_limit_by_every_strategy() {
    for strategy in [
        Strategy::FixedWindow,
        Strategy::FixedWindowElasticExpiry,
        Strategy::MovingWindow,
        Strategy::SlidingWindowCounter,
        Strategy::TokenBucket,
    ] {
        hold(
            |it| it.headers(true).strategy(strategy),
            |app| {
                let limit = Limit::new(Quota::per_minute(3))
                    .cost_with(|req| header(req, "cost").and_then(|it| it.parse().ok()).unwrap_or(1));
                app.service(ruled("/a", limit, "a"));
            },
            &[
                (0.0, "GET /a", "cost: 4", "429 [L=3 R=3 X=T+0] '3 per 1 minute'"),
                (0.0, "GET /a", "cost: 3", "200"),
                (0.0, "GET /a", "cost: 0", "200"),
            ],
        );
    }
}

#[test]
fn a_count_of_zero_always_refuses() {
    hold(
        |it| it.headers(true),
        |app| {
            app.service(ruled("/a", limits("0/minute"), "a"));
        },
        &[(0.0, "GET /a", "", "429 [L=0 R=0 X=T+0] '0 per 1 minute'")],
    );
}

/// The body says what the callback was told.
fn telling(limit: Limit) -> Limit {
    limit.on_breach(|breach, _| {
        let wait = breach.retry_after().map(|wait| wait.as_secs());
        let (quota, name) = (breach.quota(), breach.name().unwrap_or("-"));
        Some(HttpResponse::TooManyRequests().body(format!("{name}: {quota}, wait {wait:?}")))
    })
}

#[test]
fn the_longest_wait_is_named_in_body_headers_and_callback() {
    hold(
        |it| it.headers(true),
        |app| {
            let all = ["1/second", "1/hour", "1/minute"].map(|quota| telling(Limit::new(quota).name(quota)));
            app.service(ruled("/a", Limits::from(all), "a"));
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+1]"),
            (0.0, "GET /a", "", "429 [L=1 R=0 X=T+3600 A=3600] '1/hour: 1 per 1 hour, wait Some(3600)'"),
            (3599.0, "GET /a", "", "429 [L=1 R=0 X=T+3600 A=1] '1/hour: 1 per 1 hour, wait Some(1)'"),
        ],
    );
}

#[test]
fn the_longest_wait_may_be_that_of_the_shorter_window() {
    hold(
        |it| it.headers(true),
        |app| {
            let all = ["1/minute", "2/90 seconds"].map(|quota| telling(Limit::new(quota)));
            app.service(ruled("/a", Limits::from(all), "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (60.0, "GET /a", "", "200"),
            // 60 seconds to wait for the one, 30 for the other.
            (60.0, "GET /a", "", "429 [L=1 R=0 X=T+120 A=60] '-: 1 per 1 minute, wait Some(60)'"),
        ],
    );
}

#[test]
fn no_wait_that_helps_is_the_longest() {
    hold(
        |it| it.headers(true),
        |app| {
            let never = telling(Limit::new(Quota::per_second(2)).cost(3).name("never"));
            let long = telling(Limit::new(Quota::per_day(1)).name("long"));
            app.service(ruled("/long", Limits::from(long.clone().shared("long")), "a"));
            app.service(ruled("/a", Limits::from([long.shared("long"), never]), "a"));
        },
        &[
            (0.0, "GET /long", "", "200"),
            (0.0, "GET /long", "", "429 'long: 1 per 1 day, wait Some(86400)'"),
            (0.0, "GET /a", "", "429 [L=2 R=2 X=T+0] 'never: 2 per 1 second, wait None'"),
        ],
    );
}

#[test]
fn the_longest_wait_over_levels() {
    hold(
        |it| {
            let application = telling(Limit::new(Quota::per_day(1)).name("application"));
            it.headers(true).application_limits(application)
        },
        |app| {
            app.service(ruled("/a", telling(Limit::new(Quota::per_minute(1)).name("route")), "a"));
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=0 X=T+60]"),
            (
                0.0,
                "GET /a",
                "",
                "429 [L=1 R=0 X=T+86400 A=86400] 'application: 1 per 1 day, wait Some(86400)'",
            ),
        ],
    );
}

#[test]
fn a_longer_retry_after_is_kept() {
    fn in_two_hours() -> HttpResponse {
        HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "7200")).finish()
    }
    hold(
        |it| it.headers(true).on_breach(|_, _| Some(in_two_hours())),
        |app| {
            app.service(ruled("/minute", limits("1/minute"), "a")).service(ruled(
                "/day",
                limits("1/day"),
                "a",
            ));
        },
        &[
            (0.0, "GET /minute", "", "200"),
            (0.0, "GET /minute", "", "503 [L=1 R=0 X=T+60 A=7200]"),
            (0.0, "GET /day", "", "200"),
            (0.0, "GET /day", "", "503 [L=1 R=0 X=T+86400 A=86400]"),
        ],
    );
}
