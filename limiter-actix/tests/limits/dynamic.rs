//! Limits by a function of the request.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use actix_web::{App, dev::ServiceRequest, guard, test::init_service, web};
use limiter_actix::{Limit, Limiter, Limits, Quota, Quotas, ScopeExt, Strategy};
use limiter_test_support::{
    app::{ask, request},
    log,
    play::{expect, header, page, ruled},
};

use crate::probe::hold;

/// The quotas in the header `lim`.
fn told(req: &ServiceRequest) -> Option<String> {
    header(req, "lim").map(str::to_owned)
}

#[test]
fn an_invalid_text_leaves_it_to_the_defaults_and_is_logged() {
    log::capture();
    hold(
        |it| it.default_limits("1/minute"),
        |app| {
            app.service(ruled("/a", Limit::dynamic(told), "a"));
        },
        &[
            (0.0, "GET /a", "lim: 5 per moon", "200"),
            (0.0, "GET /a", "lim: 5 per moon", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "lim: ", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "lim: 0/minute", "429 '0 per 1 minute'"),
            (0.0, "GET /a", "lim: 1/day", "200"),
        ],
    );
    let errors = log::here("invalid quota from a dynamic limit");
    assert!(!errors.is_empty() && errors.iter().all(|line| line.starts_with("ERROR")), "{errors:?}");
}

/// Texts of a usual length are read once, and then remembered: up to 256 of them, and from then on anew.
#[actix_web::test]
async fn an_invalid_text_is_logged_once_while_it_is_remembered() {
    log::capture();
    let limiter = Limiter::builder().default_limits("9999/hour").build().expect("a limiter");
    let app = init_service(App::new().wrap(limiter).service(ruled("/a", Limit::dynamic(told), "a"))).await;
    let errors_of = async |text: &str| {
        let before = log::here("invalid quota from a dynamic limit").len();
        for _ in 0..2 {
            assert_eq!(ask(&app, request("GET", "/a").insert_header(("lim", text))).await.status, 200);
        }
        log::here("invalid quota from a dynamic limit").len() - before
    };
    assert_eq!(errors_of("5 per moon").await, 1);
    assert_eq!(errors_of("5 per moon").await, 0);
    assert_eq!(errors_of("6 per moon").await, 1);
    assert_eq!(errors_of("5 per moon").await, 0, "both are remembered");
    let long = "5 per moon; ".repeat(Quotas::MAX_TEXT_LEN / 10);
    assert_eq!(errors_of(&long).await, 2, "clients may send many of them");
    for amount in 10..10 + 256 {
        assert_eq!(errors_of(&format!("{amount}/minute")).await, 0);
    }
    assert_eq!(errors_of("5 per moon").await, 1, "it is forgotten");
}

#[test]
fn a_function_that_fails_leaves_the_good_ones_and_the_defaults() {
    hold(
        |it| it.default_limits("2/minute"),
        |app| {
            let both = [Limit::dynamic(|_| "5 per moon"), Limit::new(Quota::per_second(1))];
            app.service(ruled("/a", Limits::from(both), "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 second'"),
            (1.0, "GET /a", "", "200"),
            (2.0, "GET /a", "", "429 '2 per 1 minute'"),
        ],
    );
}

#[test]
fn a_text_that_is_valid_in_part() {
    hold(
        |it| it.default_limits("2/minute"),
        |app| {
            app.service(ruled("/a", Limit::dynamic(|_| "1/second; 5 per moon"), "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 second'"),
            (1.0, "GET /a", "", "200"),
            (2.0, "GET /a", "", "429 '2 per 1 minute'"),
        ],
    );
}

#[test]
fn a_quota_beyond_its_strategy_holds_as_nearly_as_it_can() {
    log::capture();
    hold(
        |it| it.default_limits("9/minute"),
        |app| {
            // A burst without a bucket.
            app.service(ruled("/a", Limit::dynamic(|_| Quota::per_minute(1)).burst(9), "a"));
        },
        &[(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429 '1 per 1 minute'")],
    );
    let errors = log::here("ignoring `burst`");
    assert!(!errors.is_empty() && errors.iter().all(|line| line.starts_with("ERROR")), "{errors:?}");
}

#[test]
fn a_changed_limit_starts_its_own_count() {
    hold(
        |it| it,
        |app| {
            app.service(ruled("/a", Limit::dynamic(told), "a"));
        },
        &[
            (0.0, "GET /a", "lim: 1/minute", "200"),
            (0.0, "GET /a", "lim: 1/minute", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "lim: 2/minute", "200"),
            (0.0, "GET /a", "lim: 2/minute", "200"),
            (0.0, "GET /a", "lim: 2/minute", "429 '2 per 1 minute'"),
            // The same limit in other words.
            (0.0, "GET /a", "lim: 2 PER 1 minutes", "429 '2 per 1 minute'"),
            (0.0, "GET /a", "lim: 1/minute", "429 '1 per 1 minute'"),
        ],
    );
}

#[test]
fn one_function_may_return_several_quotas() {
    hold(
        |it| it.default_limits("1/second").headers(true),
        |app| {
            app.service(ruled("/a", Limit::dynamic(told), "a"));
        },
        &[
            (0.0, "GET /a", "lim: 3/hour; 2/minute", "200 [L=2 R=1 X=T+60]"),
            (0.0, "GET /a", "lim: 3/hour; 2/minute", "200 [L=2 R=0 X=T+60]"),
            (0.0, "GET /a", "lim: 3/hour; 2/minute", "429 [L=2 R=0 X=T+60 A=60]"),
            (60.0, "GET /a", "lim: 3/hour; 2/minute", "200 [L=2 R=1 X=T+120]"),
            (60.0, "GET /a", "lim: 3/hour; 2/minute", "429 [L=3 R=0 X=T+3600 A=3540]"),
        ],
    );
}

#[test]
fn dynamic_limits_on_all_tiers() {
    hold(
        |it| it.default_limits(Limit::dynamic(told)).application_limits(Limit::dynamic(|_| "3/minute")),
        |app| {
            app.service(page("/a", "a")).service(page("/b", "b"));
            app.service(web::scope("/p").service(page("/x", "x")).limit(Limit::dynamic(|_| "1/hour")));
        },
        &[
            (0.0, "GET /a", "lim: 1/minute", "200"),
            (0.0, "GET /a", "lim: 1/minute", "429 '1 per 1 minute'"),
            (0.0, "GET /p/x", "", "200"),
            (0.0, "GET /p/x", "", "429 '1 per 1 hour'"),
            (0.0, "GET /b", "", "200"),
            (0.0, "GET /b", "", "429 '3 per 1 minute'"),
        ],
    );
}

#[test]
fn meta_limits_by_a_function() {
    hold(
        |it| it.default_limits("1/minute").meta_limits(Limit::dynamic(told)),
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "lim: 1/day", "429 '1 per 1 minute'"),
            (0.0, "GET /a", "lim: 1/day", "429 '1 per 1 day'"),
            (0.0, "GET /a", "", "429 '1 per 1 minute'"),
        ],
    );
}

#[test]
fn dynamic_limits_with_options() {
    hold(
        |it| it.headers(true),
        |app| {
            let bucket = Limit::dynamic(|_| "1/minute").strategy(Strategy::TokenBucket).burst(3).cost(2);
            app.service(ruled("/a", bucket.error_message("slow down"), "a"));
        },
        &[
            (0.0, "GET /a", "", "200 [L=1 R=1 X=T+120]"),
            (0.0, "GET /a", "", "429 [L=1 R=1 X=T+120 A=60] 'slow down'"),
            (60.0, "GET /a", "", "200 [L=1 R=0 X=T+240]"),
        ],
    );
}

/// Counts its calls.
fn counted() -> (Limit, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let limit = Limit::dynamic(move |_| {
        counter.fetch_add(1, Relaxed);
        "9/minute"
    });
    (limit, calls)
}

#[test]
fn the_function_is_called_once_per_request() {
    let ((default, of_default), (scope, of_scope), (route, of_route)) = (counted(), counted(), counted());
    expect(
        |it| it.default_limits(default),
        |app| {
            let inside = ruled("/x", route.override_defaults(false), "x");
            app.service(web::scope("/p").service(inside).limit(scope));
        },
        &[(0.0, "GET /p/x", "", "200"), (0.0, "GET /p/x", "", "200")],
    );
    assert_eq!([of_default, of_scope, of_route].map(|calls| calls.load(Relaxed)), [2, 2, 2]);
}

#[test]
fn the_function_is_called_once_where_a_rule_is_met_only_after_routing() {
    let ((default, of_default), (route, of_route)) = (counted(), counted());
    expect(
        |it| it.default_limits(default),
        |app| {
            let other = guard::fn_guard(|it| it.head().headers().contains_key("x-other"));
            app.route("/{page}", web::get().guard(other).to(async || "other"));
            app.service(ruled("/x", route.override_defaults(false), "x"));
        },
        &[(0.0, "GET /x", "", "200 'x'"), (0.0, "GET /x", "", "200 'x'")],
    );
    assert_eq!([of_default, of_route].map(|calls| calls.load(Relaxed)), [2, 2]);
}

/// Its other limits do not let the request pass, and are not charged.
#[test]
fn a_function_that_fails_beside_other_limits_is_a_500() {
    hold(
        |it| it.application_limits("1/hour"),
        |app| {
            let plan = |req: &ServiceRequest| match header(req, "lim") {
                Some(_) => Err("no database"),
                None => Ok(Quota::per_hour(9)),
            };
            app.service(ruled("/a", Limit::dynamic(plan), "a"));
        },
        &[
            (0.0, "GET /a", "lim: any", "500"),
            (0.0, "GET /a", "lim: any", "500"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "", "429 '1 per 1 hour'"),
        ],
    );
}

/// Only routing shows that its limit is the right one. What was charged before is refunded.
#[test]
fn a_function_that_fails_where_a_guard_has_led_is_a_500() {
    let by_key = Limit::new(Quota::per_hour(9)).key(|_| Err::<&str, _>("no database"));
    let by_quota = Limit::dynamic(|_| Err::<Quota, _>("no database"));
    for limit in [by_key, by_quota] {
        hold(
            |it| it.default_limits("1/hour"),
            |app| {
                let hiding = web::resource("/{page}").guard(guard::Header("x-page", "1"));
                app.service(hiding.to(async || "page")).service(ruled("/hidden", limit.clone(), "hidden"));
            },
            &[
                (0.0, "GET /hidden", "", "500"),
                (0.0, "GET /hidden", "", "500"),
                (0.0, "GET /page", "x-page: 1", "200 'page'"),
                (0.0, "GET /page", "x-page: 1", "429 '1 per 1 hour'"),
            ],
        );
    }
}

/// Nobody can know whether the client has breached it before.
#[test]
fn a_meta_limit_that_fails_is_a_500() {
    hold(
        |it| {
            let meta = |req: &ServiceRequest| match header(req, "lim") {
                Some(_) => Err("no database"),
                None => Ok(Quota::per_day(1)),
            };
            it.application_limits("1/hour").meta_limits(Limit::dynamic(meta))
        },
        |app| {
            app.service(page("/a", "a"));
        },
        &[
            (0.0, "GET /a", "lim: any", "500"),
            (0.0, "GET /a", "", "200"),
            (0.0, "GET /a", "lim: any", "500"),
            (0.0, "GET /a", "", "429 '1 per 1 hour'"),
            (0.0, "GET /a", "", "429 '1 per 1 day'"),
        ],
    );
}
