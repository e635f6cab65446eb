//! `X-RateLimit-Limit`, `-Remaining` and `-Reset`.

use actix_web::{App, http::header::HeaderName, test::init_service, web};
use limiter_actix::{HeaderNames, Headers, Limit, LimiterBuilder, Quota, resource};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
};

use super::{START, limiter};

async fn nth(limiter: LimiterBuilder, target: &str, requests: usize) -> Answer {
    let route = [Limit::new(Quota::per_hour(7)), Limit::new(Quota::per_minute(3))];
    let app = App::new()
        .wrap(limiter.build().expect("limits"))
        .service(resource("/limited", route.to_vec(), |it| it.to(|| async { "admitted" })))
        .route("/", web::to(|| async { "admitted" }));
    let app = init_service(app).await;
    for _ in 1..requests {
        ask(&app, request("GET", target)).await;
    }
    ask(&app, request("GET", target)).await
}

/// Limit, remaining, and the reset in seconds after the start.
fn told(answer: &Answer) -> Option<(u64, u64, u64)> {
    let number = |name| answer.header(name).map(|value| value.parse::<u64>().expect("a number"));
    Some((
        number("x-ratelimit-limit")?,
        number("x-ratelimit-remaining")?,
        number("x-ratelimit-reset")? - START,
    ))
}

#[actix_web::test]
async fn the_shortest_window_of_the_innermost_level_is_shown() {
    let both =
        || limiter().application_limits("100/second").default_limits("50/day; 20/minute").headers(true);
    assert_eq!(told(&nth(both(), "/limited", 1).await), Some((3, 2, 60)));
    assert_eq!(told(&nth(both(), "/", 1).await), Some((20, 19, 60)));
    let application = || limiter().application_limits("100/day").headers(true);
    assert_eq!(told(&nth(application(), "/", 1).await), Some((100, 99, 86_400)));
    assert_eq!(told(&nth(application(), "/limited", 1).await), Some((3, 2, 60)));
}

#[actix_web::test]
async fn of_equal_windows_the_one_with_the_least_remaining_is_shown_or_else_the_first() {
    let four = || Limit::new(Quota::per_minute(4));
    let six = || Limit::new(Quota::per_minute(6));
    // A request filter takes requests off the straight way, on which the second one is otherwise.
    for straight in [true, false] {
        let shown = async |first: Limit, second: Limit| {
            let limiter = limiter().default_limits(vec![first, second]).headers(true);
            let limiter = if straight { limiter } else { limiter.request_filter(|_| false) };
            told(&nth(limiter, "/", 2).await)
        };
        assert_eq!(shown(six(), four()).await, Some((4, 2, 60)), "straight: {straight}");
        assert_eq!(shown(four(), six()).await, Some((4, 2, 60)), "straight: {straight}");
        assert_eq!(shown(four(), six().cost(2)).await, Some((4, 2, 60)), "straight: {straight}");
        assert_eq!(shown(six().cost(2), four()).await, Some((6, 2, 60)), "straight: {straight}");
    }
}

#[actix_web::test]
async fn the_refusing_limit_is_shown() {
    let application = limiter().application_limits("1/day").default_limits("50/day; 20/minute").headers(true);
    let refused = nth(application, "/limited", 2).await;
    assert_eq!((refused.status, told(&refused)), (429, Some((1, 0, 86_400))));
}

#[actix_web::test]
async fn a_limit_in_shadow_is_not_shown() {
    let shadow = || Limit::new(Quota::per_second(1)).shadow(true);
    let limits = [shadow(), Limit::new(Quota::per_minute(20))];
    assert_eq!(
        told(&nth(limiter().default_limits(limits.to_vec()).headers(true), "/", 1).await),
        Some((20, 19, 60))
    );
    let behind = limiter().application_limits("9/day").default_limits(shadow()).headers(true);
    assert_eq!(told(&nth(behind, "/", 1).await), Some((9, 8, 86_400)));
}

#[actix_web::test]
async fn headers_are_off_by_default() {
    for limiter in [limiter(), limiter().headers(false), limiter().headers(true).headers(Headers::NONE)] {
        let refused = nth(limiter.default_limits("1/day"), "/", 2).await;
        let names: Vec<_> = refused.headers.iter().map(|(name, _)| &**name).collect();
        assert!(!names.iter().any(|name| name.contains("ratelimit")), "{names:?}");
        assert!(names.contains(&"retry-after"), "{names:?}");
    }
    assert_eq!(told(&nth(limiter().headers(true), "/", 1).await), None, "there is no limit to tell of");
}

#[actix_web::test]
async fn header_names_can_be_set() {
    let names = HeaderNames {
        limit: HeaderName::from_static("x-quota"),
        remaining: HeaderName::from_static("x-left"),
        reset: HeaderName::from_static("x-until"),
        ..HeaderNames::default()
    };
    let answer = nth(limiter().default_limits("5/day").header_names(names).headers(true), "/", 1).await;
    assert_eq!(told(&answer), None);
    let until = (START + 86_400).to_string();
    let told = ["x-quota", "x-left", "x-until"].map(|name| answer.header(name));
    assert_eq!(told, [Some("5"), Some("4"), Some(&*until)]);
}
