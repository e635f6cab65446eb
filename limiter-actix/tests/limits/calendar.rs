//! Windows that end by the calendar.

use std::sync::Arc;

use actix_web::{App, dev::ServiceRequest, get, test::init_service, web};
use limiter_actix::{
    Headers, Limit, Limiter, LimiterBuilder, ManualClock, Quota, Strategy, Timestamp, limit, resource,
};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
};

/// 2026-02-28T22:59:00Z, a minute before midnight in Berlin.
const START: u64 = 1_772_319_540;

#[limit("2 per calendar day", name = "day")]
#[get("/attribute")]
async fn attribute() -> &'static str {
    "admitted"
}

fn by_request(_: &ServiceRequest) -> &'static str {
    "2 per calendar day"
}

/// Returns the answers to GETs of a path at these seconds after the start.
async fn answers(limiter: LimiterBuilder, path: &str, seconds: &[u64]) -> Vec<Answer> {
    let clock = Arc::new(ManualClock::default());
    let limiter = limiter.clock(Arc::clone(&clock) as _).headers(true).build().expect("a limiter");
    // Its own strategy is not checked before it is bound.
    let other = Limit::dynamic(by_request).strategy(Strategy::SlidingWindowCounter);
    let app = App::new()
        .wrap(limiter)
        .service(attribute)
        .service(resource("/dynamic", Limit::dynamic(by_request), |it| it.to(|| async { "admitted" })))
        .service(resource("/other", other, |it| it.to(|| async { "admitted" })))
        .default_service(web::to(|| async { "admitted" }));
    let app = init_service(app).await;
    let mut answers = Vec::new();
    for seconds in seconds {
        clock.set(Timestamp::from_millis((START + seconds) * 1000));
        answers.push(ask(&app, request("GET", path)).await);
    }
    answers
}

fn seen(answers: &[Answer]) -> Vec<(u16, Option<u64>, Option<&str>)> {
    let reset = |answer: &Answer| Some(answer.header("x-ratelimit-reset")?.parse::<u64>().ok()? - START);
    answers.iter().map(|answer| (answer.status, reset(answer), answer.header("retry-after"))).collect()
}

/// Of texts, attributes and functions, also where other limits count by another strategy.
#[actix_web::test]
async fn a_day_ends_at_midnight_in_the_zone_of_the_limiter() {
    for path in ["/attribute", "/dynamic", "/other", "/default"] {
        let limiter = Limiter::builder().strategy(Strategy::MovingWindow).time_zone("Europe/Berlin");
        let limiter = limiter.default_limits("2 per calendar day");
        let answers = answers(limiter, path, &[0, 30, 59, 60]).await;
        let midnight = Some(60);
        let expected = [
            (200, midnight, None),
            (200, midnight, None),
            (429, midnight, Some("1")),
            (200, Some(60 + 86_400), None),
        ];
        assert_eq!(seen(&answers), expected, "{path}");
        assert_eq!(answers[2].header("x-ratelimit-limit"), Some("2"), "{path}");
    }
}

#[actix_web::test]
async fn a_zone_is_utc_or_an_offset_or_a_name() {
    let resets =
        [(None, 3660), (Some("+01:00"), 60), (Some("-02:30"), 12_660), (Some("Asia/Kolkata"), 70_260)];
    for (zone, reset) in resets {
        let limiter = Limiter::builder().default_limits("2 per calendar day");
        let limiter = zone.map_or(limiter.clone(), |zone| limiter.time_zone(zone));
        let answers = answers(limiter, "/default", &[0]).await;
        assert_eq!(seen(&answers), [(200, Some(reset), None)], "{zone:?}");
    }
}

#[test]
fn a_wrong_zone_and_a_wrong_strategy_are_errors() {
    let limit = Limit::new(Quota::per_calendar_day(5)).strategy(Strategy::SlidingWindowCounter);
    let error =
        Limiter::builder().time_zone("Mars/Base").default_limits(limit).build().unwrap_err().to_string();
    let expected = [
        ".time_zone(\"Mars/Base\"): expected `UTC`, an offset such as `+02:00`, or a name such as `Europe/Berlin`",
        "`5 per 1 calendar day` requires the strategy `fixed-window`, not `sliding-window-counter`: its windows end by \
         the calendar",
    ];
    for expected in expected {
        assert!(error.contains(expected), "{error}");
    }
}

/// The length of a window is that of the month or day in which it is, whichever way a request takes.
#[actix_web::test]
async fn headers_show_the_length_of_this_window() {
    let limiter = || {
        let limiter = Limiter::builder().default_limits("9/second; 9 per calendar day; 9 per calendar month");
        limiter.time_zone("Europe/Berlin").headers(Headers::IETF_DRAFT_11)
    };
    // The same in February, in March, and on the day of 23 hours.
    let lengths = [(0, 86_400, 28), (60, 86_400, 31), (60 + 28 * 86_400, 82_800, 31)];
    let all = |limiter: LimiterBuilder| async {
        let clock = Arc::new(ManualClock::default());
        let limiter = limiter.clock(Arc::clone(&clock) as _).build().expect("a limiter");
        let app = App::new().wrap(limiter).route("/", web::get().to(|| async { "admitted" }));
        let app = init_service(app).await;
        let mut policies = Vec::new();
        for (seconds, ..) in lengths {
            clock.set(Timestamp::from_millis((START + seconds) * 1000));
            let answer = ask(&app, request("GET", "/")).await;
            policies.push(answer.header("ratelimit-policy").expect("a policy").to_owned());
        }
        policies
    };
    let expected = lengths.map(|(_, day, days)| {
        let month = days * 86_400 - if day == 82_800 || days == 31 { 3600 } else { 0 };
        format!(
            "\"9 per 1 second\";q=9;w=1, \"9 per 1 calendar day\";q=9;w={day}, \
             \"9 per 1 calendar month\";q=9;w={month}"
        )
    });
    assert_eq!(all(limiter()).await, expected, "the straight way");
    let never = Limit::new(Quota::per_day(99)).exempt_when(|_| true);
    assert_eq!(all(limiter().application_limits(never)).await, expected, "the way of all others");
}
