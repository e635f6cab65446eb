//! `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers-11.

use std::sync::Arc;

use actix_web::{App, HttpResponse, test::init_service, web};
use limiter_actix::{Headers, Key, Limit, LimiterBuilder, ManualClock, Quota, Strategy, Timestamp, resource};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
};

use super::{START, draft_reader, limiter_at};

/// Asks at `times`, in milliseconds after the start; returns the last answer.
async fn last(limiter: impl FnOnce(LimiterBuilder) -> LimiterBuilder, times: &[u64]) -> Answer {
    let clock = Arc::new(ManualClock::default());
    let limiter = limiter(limiter_at(&clock)).headers(Headers::IETF_DRAFT_11).build().expect("limits");
    let route = Limit::new(Quota::per_hour(7)).name("route").override_defaults(false);
    let app = App::new()
        .wrap(limiter)
        .service(resource("/limited", route, |it| it.to(|| async { "admitted" })))
        .default_service(web::to(|| async { "admitted" }));
    let app = init_service(app).await;
    let mut answers = Vec::new();
    for time in times {
        clock.set(Timestamp::from_millis(START * 1000 + time));
        answers.push(ask(&app, request("GET", "/limited")).await);
    }
    answers.pop().expect("an answer")
}

fn fields_of(answer: &Answer) -> (&str, &str) {
    let only = |name| {
        let mut all = answer.headers.iter().filter(|(key, _)| key == name);
        let one = all.next().map(|(_, value)| &**value);
        assert_eq!(all.next(), None, "{name} is there once");
        one.unwrap_or_default()
    };
    let (policy, state) = (only("ratelimit-policy"), only("ratelimit"));
    let names =
        |items: Vec<draft_reader::Policy>| items.into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
    let policies = names(draft_reader::policies(policy).expect("a policy"));
    assert_eq!(
        policies,
        names(draft_reader::states(state).expect("a state")),
        "both tell of the same limits"
    );
    (policy, state)
}

#[actix_web::test]
async fn all_limits_are_shown_from_the_outermost_on() {
    let answer = last(|it| it.application_limits("100/day").default_limits("10/minute"), &[0]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        fields_of(&answer),
        (
            r#""100 per 1 day";q=100;w=86400, "10 per 1 minute";q=10;w=60, "route";q=7;w=3600"#,
            r#""100 per 1 day";r=99;t=86400, "10 per 1 minute";r=9;t=60, "route";r=6;t=3600"#,
        )
    );
}

#[actix_web::test]
async fn a_limit_that_refuses_has_none_left_until_retry_after() {
    let answer = last(|it| it.default_limits("2/minute").application_limits("9/day"), &[0, 0, 30_500]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("30")));
    assert_eq!(
        fields_of(&answer).1,
        r#""9 per 1 day";r=7;t=86370, "2 per 1 minute";r=0;t=30, "route";r=5;t=3570"#
    );
}

/// What is left may be more than nothing when the cost is more than one.
#[actix_web::test]
async fn the_rest_after_a_refused_cost_is_not_shown() {
    let limit = Limit::new(Quota::per_minute(10)).cost(4);
    let answer = last(|it| it.default_limits(limit), &[0, 0, 0]).await;
    assert_eq!(answer.status, 429);
    assert_eq!(fields_of(&answer).1, r#""10 per 1 minute";r=0;t=60, "route";r=5;t=3600"#);
}

#[actix_web::test]
async fn every_limit_that_refuses_has_its_own_wait() {
    let answer = last(|it| it.default_limits("1/minute; 1/hour; 5/day"), &[0, 0]).await;
    assert_eq!(
        fields_of(&answer).1,
        r#""1 per 1 minute";r=0;t=60, "1 per 1 hour";r=0;t=3600, "5 per 1 day";r=4;t=86400, "route";r=6;t=3600"#
    );
}

#[actix_web::test]
async fn a_meta_limit_is_shown_only_when_it_refuses() {
    let limiter = |it: LimiterBuilder| it.default_limits("1/minute").meta_limits("1/hour");
    let refused = last(limiter, &[0, 0]).await;
    // The wait is that of the response: this refusal has spent the meta limit.
    assert_eq!(refused.header("retry-after"), Some("3600"));
    assert_eq!(fields_of(&refused).1, r#""1 per 1 minute";r=0;t=3600, "route";r=6;t=3600"#);
    let refused_for_good = last(limiter, &[0, 0, 0]).await;
    assert_eq!(refused_for_good.header("retry-after"), Some("3600"));
    assert_eq!(
        fields_of(&refused_for_good),
        (
            r#""1 per 1 hour";q=1;w=3600, "1 per 1 minute";q=1;w=60, "route";q=7;w=3600"#,
            r#""1 per 1 hour";r=0;t=3600, "1 per 1 minute";r=0;t=60, "route";r=6;t=3600"#,
        )
    );
}

#[actix_web::test]
async fn a_limit_in_shadow_is_not_shown() {
    let answer = last(|it| it.default_limits(Limit::new(Quota::per_minute(0)).shadow(true)), &[0]).await;
    assert_eq!(fields_of(&answer), (r#""route";q=7;w=3600"#, r#""route";r=6;t=3600"#));
}

/// Refunded quota is left, and nothing has to be waited for where all is.
#[actix_web::test]
async fn refunded_quota_is_shown() {
    let limit = Limit::new(Quota::per_minute(5)).deduct_when(|response| response.status.is_server_error());
    let answer = last(|it| it.default_limits(limit), &[0]).await;
    assert_eq!(fields_of(&answer).1, r#""5 per 1 minute";r=5, "route";r=6;t=3600"#);
}

#[actix_web::test]
async fn names_are_unique_and_printable() {
    let named = |name: &str, quota| Limit::new(quota).name(name);
    let limits = [
        named("api: \"v1\" \\", Quota::per_minute(9)),
        named("gr\u{fc}n\n", Quota::per_minute(9)),
        named("", Quota::per_minute(9)),
        named("x", Quota::per_minute(9)),
        named("x", Quota::per_minute(8)),
        named("x (2)", Quota::per_minute(7)),
        named("x", Quota::per_minute(6)),
        Limit::new(Quota::per_minute(5)),
        named("5 per 1 minute", Quota::per_minute(4)),
    ];
    let answer = last(|it| it.default_limits(limits.to_vec()).application_limits("5/minute"), &[0]).await;
    let (policy, state) = fields_of(&answer);
    assert!(
        policy.starts_with(r#""5 per 1 minute";q=5;w=60, "api: \"v1\" \\";q=9;w=60, "gr%c3%bcn%0a";q=9"#),
        "{policy}"
    );
    let states = draft_reader::states(state).expect("Structured Fields");
    let names: Vec<_> = states.iter().map(|(name, ..)| &**name).collect();
    let expected = [
        "5 per 1 minute",
        "api: \"v1\" \\",
        "gr%c3%bcn%0a",
        "",
        "x",
        "x (2)",
        "x (2) (2)",
        "x (3)",
        "5 per 1 minute (2)",
        "5 per 1 minute (3)",
        "route",
    ];
    assert_eq!(names, expected);
}

#[actix_web::test]
async fn numbers_have_at_most_fifteen_digits() {
    let decade: Quota = "311040000000000 per 10 years".parse().expect("a quota");
    // It fills within 100 years.
    let bucket = Limit::new(decade).strategy(Strategy::TokenBucket).burst(10 * decade.amount());
    let longest = Limit::new("1 per 100 years");
    let answer = last(|it| it.default_limits([bucket, longest].to_vec()), &[0, 0]).await;
    let (policy, state) = fields_of(&answer);
    let name = "311040000000000 per 10 year";
    assert!(policy.starts_with(&format!(r#""{name}";q=311040000000000;w=311040000, "#)), "{policy}");
    assert!(state.starts_with(&format!(r#""{name}";r=999999999999999;t="#)), "{state}");
    assert!(state.contains(r#""1 per 100 year";r=0;t=3110400000"#), "{state}");
}

/// The fields of an answer that came from somewhere else speak of other limits.
#[actix_web::test]
async fn existing_fields_are_replaced() {
    let limiter =
        super::limiter().default_limits("5/minute").headers(Headers::IETF_DRAFT_11 | Headers::X_RATELIMIT);
    let answer = || async {
        let mut response = HttpResponse::Ok();
        for name in ["ratelimit", "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-reset"] {
            response.append_header((name, "1")).append_header((name, "2"));
        }
        response.finish()
    };
    let app = App::new().wrap(limiter.build().expect("a limit")).route("/", web::get().to(answer));
    let answer = ask(&init_service(app).await, request("GET", "/")).await;
    assert_eq!(fields_of(&answer).1, r#""5 per 1 minute";r=4;t=60"#);
    let mut names: Vec<_> =
        answer.headers.iter().map(|(name, _)| &**name).filter(|name| name.contains("ratelimit")).collect();
    names.sort_unstable();
    let expected =
        ["ratelimit", "ratelimit-policy", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    assert_eq!(names, expected);
}

/// A request whose place is certain is shown its limits without a list of them.
#[actix_web::test]
async fn plain_limits_of_a_route_are_shown() {
    let limiter =
        limiter_at(&Arc::default()).headers(Headers::IETF_DRAFT_11).default_limits("5/minute; 9/day");
    let app =
        App::new().wrap(limiter.build().expect("limits")).route("/", web::get().to(|| async { "admitted" }));
    let app = init_service(app).await;
    for left in [4, 3] {
        let answer = ask(&app, request("GET", "/")).await;
        let (policies, states) = fields_of(&answer);
        assert_eq!(policies, r#""5 per 1 minute";q=5;w=60, "9 per 1 day";q=9;w=86400"#);
        let of_day = left + 4;
        assert_eq!(states, format!(r#""5 per 1 minute";r={left};t=60, "9 per 1 day";r={of_day};t=86400"#));
    }
}

#[actix_web::test]
async fn only_the_fields_that_are_set_are_shown() {
    let fields = ["ratelimit", "x-ratelimit-limit"];
    for (headers, expected) in [(Headers::IETF_DRAFT_11, fields[0]), (Headers::X_RATELIMIT, fields[1])] {
        let limiter = limiter_at(&Arc::default()).headers(headers).default_limits("5/minute");
        let app = App::new()
            .wrap(limiter.build().expect("limits"))
            .default_service(web::to(|| async { "admitted" }));
        let app = init_service(app.route("/", web::get().to(|| async { "admitted" }))).await;
        for target in ["/", "/", "/other", "/other"] {
            let answer = ask(&app, request("GET", target)).await;
            let shown: Vec<_> = fields.into_iter().filter(|field| answer.header(field).is_some()).collect();
            assert_eq!(shown, [expected], "{target}");
        }
    }
}

#[actix_web::test]
async fn an_unlimited_client_hides_the_fields_of_no_other() {
    let limiter = limiter_at(&Arc::default()).headers(Headers::IETF_DRAFT_11).default_limits("5/minute");
    let limiter = limiter.key(|req: &actix_web::dev::ServiceRequest| {
        if req.headers().contains_key("x-staff") { Key::unlimited() } else { Key::text("user", "ada") }
    });
    let app = App::new().wrap(limiter.build().expect("limits"));
    let app = init_service(app.route("/", web::get().to(|| async { "admitted" }))).await;
    for (is_staff, left) in [(false, Some(4)), (true, None), (false, Some(3))] {
        let mut asked = request("GET", "/");
        if is_staff {
            asked = asked.insert_header(("x-staff", "1"));
        }
        let state = left.map(|left| format!(r#""5 per 1 minute";r={left};t=60"#));
        assert_eq!(ask(&app, asked).await.header("ratelimit"), state.as_deref());
    }
}
