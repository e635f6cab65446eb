//! `Retry-After` (RFC 9110, section 10.2.3).

use std::sync::Arc;

use actix_web::{App, HttpResponse, http::header::HeaderName, test::init_service, web};
use limiter_actix::{
    HeaderNames, Headers, Limit, LimiterBuilder, ManualClock, Quota, RetryAfter, Strategy, Timestamp,
};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
};

use super::{START, draft_reader, limiter, limiter_at};

/// Asks at `times`, in milliseconds after the start; returns the last answer.
async fn last(limiter: impl FnOnce(LimiterBuilder) -> LimiterBuilder, times: &[u64]) -> Answer {
    let clock = Arc::new(ManualClock::default());
    let limiter = limiter(limiter_at(&clock)).build().expect("limits");
    let app = init_service(App::new().wrap(limiter).default_service(web::to(|| async { "admitted" }))).await;
    let mut answers = Vec::new();
    for time in times {
        clock.set(Timestamp::from_millis(START * 1000 + time));
        answers.push(ask(&app, request("GET", "/")).await);
    }
    answers.pop().expect("an answer")
}

#[actix_web::test]
async fn only_refusals_have_retry_after() {
    let admitted = last(|it| it.default_limits("1/minute").headers(true), &[0]).await;
    assert_eq!((admitted.status, admitted.header("retry-after")), (200, None));
    let refused = last(|it| it.default_limits("1/minute"), &[0, 0]).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")));
}

#[actix_web::test]
async fn seconds_are_whole_enough_and_at_least_one() {
    for (at, expected) in
        [(0, "60"), (1, "60"), (999, "60"), (1000, "59"), (58_999, "2"), (59_500, "1"), (59_999, "1")]
    {
        let refused = last(|it| it.default_limits("1/minute"), &[0, at]).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some(expected)), "at {at} ms");
    }
    let bucket = Limit::new(Quota::per_second(1000)).strategy(Strategy::TokenBucket).burst(1);
    assert_eq!(last(|it| it.default_limits(bucket), &[0, 0]).await.header("retry-after"), Some("1"));
}

#[actix_web::test]
async fn a_date_is_not_earlier_than_the_wait() {
    let dated = |it: LimiterBuilder| it.default_limits("1/minute").retry_after(RetryAfter::HttpDate);
    for (first, at, expected) in [
        (0, 0, "Wed, 15 Nov 2023 00:01:00 GMT"),
        (0, 59_999, "Wed, 15 Nov 2023 00:01:01 GMT"),
        (1, 30_000, "Wed, 15 Nov 2023 00:01:01 GMT"),
    ] {
        let refused = last(dated, &[first, at]).await;
        assert_eq!(refused.header("retry-after"), Some(expected), "from {first} ms, at {at} ms");
    }
}

#[actix_web::test]
async fn no_retry_after_where_no_wait_helps() {
    for limit in [Limit::new(Quota::per_day(0)), Limit::new(Quota::per_day(5)).cost(6)] {
        let headers = Headers::X_RATELIMIT | Headers::IETF_DRAFT_11;
        let refused = last(|it| it.default_limits(limit).headers(headers), &[0]).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, None));
        let states =
            draft_reader::states(refused.header("ratelimit").expect("the field")).expect("Structured Fields");
        assert!(matches!(&*states, [(_, 0, None, None)]), "{states:?}");
    }
}

#[actix_web::test]
async fn the_name_of_retry_after_can_be_set() {
    let names = HeaderNames { retry_after: HeaderName::from_static("x-wait"), ..HeaderNames::default() };
    let refused = last(|it| it.default_limits("1/minute").header_names(names), &[0, 0]).await;
    assert_eq!((refused.header("x-wait"), refused.header("retry-after")), (Some("60"), None));
    assert_eq!(refused.header("x-ratelimit-limit"), None, "names do not switch headers on");
}

/// `Retry-After` of a custom response, and the field that is sent where the limit has 60 seconds.
const KEPT: &[(&str, &str)] = &[
    ("120", "120"),
    ("61", "61"),
    ("60", "60"),
    ("59", "60"),
    ("0", "60"),
    ("99999999999999999999999", "99999999999999999999999"),
    ("Wed, 15 Nov 2023 00:02:00 GMT", "Wed, 15 Nov 2023 00:02:00 GMT"),
    ("Wed, 15 Nov 2023 00:00:59 GMT", "60"),
    ("Sun, 06 Nov 1994 08:49:37 GMT", "60"),
    // The two forms of dates from before 1123, which must be read all the same.
    ("Wednesday, 15-Nov-23 00:02:00 GMT", "Wednesday, 15-Nov-23 00:02:00 GMT"),
    ("Wed Nov 15 00:02:00 2023", "Wed Nov 15 00:02:00 2023"),
    // No form of this header.
    ("+120", "60"),
    ("-1", "60"),
    ("120.5", "60"),
    ("2030-01-01T00:00:00Z", "60"),
    ("soon", "60"),
    ("", "60"),
];

#[actix_web::test]
async fn a_longer_retry_after_is_kept() {
    for (own, expected) in KEPT {
        let answer =
            move |_: &_, _: &_| Some(HttpResponse::Forbidden().insert_header(("retry-after", *own)).finish());
        let refused = last(|it| it.default_limits("1/minute").on_breach(answer), &[0, 0]).await;
        let all: Vec<_> = refused
            .headers
            .iter()
            .filter(|(name, _)| name == "retry-after")
            .map(|(_, value)| &**value)
            .collect();
        assert_eq!((refused.status, &*all), (403, &[*expected][..]), "{own}");
    }
}

/// `t` equals `Retry-After`, or a client would be back too early.
#[actix_web::test]
async fn the_ratelimit_field_agrees_with_retry_after() {
    for (own, t) in [("120", 120), ("59", 60), ("Wed, 15 Nov 2023 00:02:00 GMT", 120)] {
        let answer =
            move |_: &_, _: &_| Some(HttpResponse::Ok().insert_header(("retry-after", own)).finish());
        let limits = "1/minute; 9/hour";
        let refused =
            last(|it| it.default_limits(limits).on_breach(answer).headers(Headers::IETF_DRAFT_11), &[0, 0])
                .await;
        let expected = format!(r#""1 per 1 minute";r=0;t={t}, "9 per 1 hour";r=8;t=3600"#);
        assert_eq!(refused.header("ratelimit"), Some(&*expected));
    }
}

/// The wait is that of the limit that refuses longest, whatever else has refused.
#[actix_web::test]
async fn the_longest_wait_counts() {
    let limiter = limiter().default_limits("1/second; 1/hour; 1/minute").build().expect("limits");
    let app = init_service(App::new().wrap(limiter).default_service(web::to(|| async { "admitted" }))).await;
    ask(&app, request("GET", "/")).await;
    assert_eq!(ask(&app, request("GET", "/")).await.header("retry-after"), Some("3600"));
}
