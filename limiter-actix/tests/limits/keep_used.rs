//! Counts that survive a change of the amount.

use actix_web::{dev::ServiceRequest, get};
use limiter_actix::{Limit, Limiter, Limits, Quota, Strategy, limit as limited};
use limiter_test_support::play::{header, ruled};

use crate::probe::hold;

/// The quotas in the header `plan`.
fn by_plan(req: &ServiceRequest) -> Option<String> {
    header(req, "plan").map(str::to_owned)
}

#[limited(by_plan, keep_used)]
#[get("/attribute")]
async fn attribute() -> &'static str {
    "admitted"
}

/// A customer changes plan, up and down. Only the amount may change.
#[test]
fn a_change_of_plan_keeps_what_was_used() {
    for path in ["/attribute", "/code"] {
        let get = format!("GET {path}");
        let get = get.as_str();
        hold(
            |it| it.headers(true),
            |app| {
                app.service(attribute);
                app.service(ruled("/code", Limit::dynamic(by_plan).keep_used(true), "admitted"));
            },
            &[
                (0.0, get, "plan: 2/minute", "200 [L=2 R=1 X=T+60]"),
                (0.0, get, "plan: 2/minute", "200 [L=2 R=0 X=T+60]"),
                (0.0, get, "plan: 2/minute", "429 [L=2 R=0 X=T+60 A=60]"),
                (1.0, get, "plan: 5/minute", "200 [L=5 R=2 X=T+60]"),
                (2.0, get, "plan: 1/minute", "429 [L=1 R=0 X=T+60 A=58]"),
                (3.0, get, "plan: 4/minute", "200 [L=4 R=0 X=T+60]"),
                (4.0, get, "plan: 4/hour", "200 [L=4 R=3 X=T+3604]"),
                (60.0, get, "plan: 2/minute", "200 [L=2 R=1 X=T+120]"),
            ],
        );
    }
}

#[test]
fn several_quotas_of_one_text_keep_their_places() {
    hold(
        |it| it,
        |app| {
            app.service(ruled("/", Limit::dynamic(by_plan).keep_used(true), ""));
        },
        &[
            (0.0, "GET /", "plan: 1/minute; 2/minute", "200"),
            (0.0, "GET /", "plan: 1/minute; 2/minute", "429 '1 per 1 minute'"),
            (0.0, "GET /", "plan: 9/minute; 2/minute", "200"),
            (0.0, "GET /", "plan: 9/minute; 2/minute", "429 '2 per 1 minute'"),
        ],
    );
}

/// The defect: without the amount, limits of one place have the same identity.
#[test]
fn limits_of_one_place_and_window_have_counts_of_their_own() {
    let both = || {
        let both = [Quota::per_minute(2), Quota::per_minute(3)];
        Limits::from_iter(both).each(|limit| limit.keep_used(true))
    };
    hold(
        |it| it.default_limits(both()),
        |app| {
            app.service(ruled("/", both(), ""));
        },
        &[
            (0.0, "GET /", "", "200"),
            (0.0, "GET /", "", "200"),
            (0.0, "GET /", "", "429 '2 per 1 minute'"),
            (0.0, "GET /unmatched", "", "404"),
            (0.0, "GET /unmatched", "", "404"),
            (0.0, "GET /unmatched", "", "429 '2 per 1 minute'"),
        ],
    );
}

#[test]
fn without_it_each_amount_begins_anew() {
    hold(
        |it| it,
        |app| {
            app.service(ruled("/", Limit::dynamic(by_plan), ""));
        },
        &[
            (0.0, "GET /", "plan: 1/minute", "200"),
            (0.0, "GET /", "plan: 1/minute", "429"),
            (0.0, "GET /", "plan: 2/minute", "200"),
            (0.0, "GET /", "plan: 2/minute", "200"),
            (0.0, "GET /", "plan: 2/minute", "429"),
        ],
    );
}

#[test]
fn a_token_bucket_is_refused() {
    let limit = Limit::new(Quota::per_minute(5)).keep_used(true);
    let builder = Limiter::builder().default_limits(limit);
    assert!(builder.clone().build().is_ok());
    let error = builder.strategy(Strategy::TokenBucket).build().unwrap_err().to_string();
    assert!(error.contains("`keep_used` does not work with the strategy `token-bucket`"), "{error}");
}
