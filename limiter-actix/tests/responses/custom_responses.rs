//! Answers of the application's own.

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, dev::ServiceRequest, test::init_service, web};
use limiter_actix::{Breach, Headers, Limit, LimiterBuilder, Quota};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
};

use super::limiter;

async fn refused(limiter: LimiterBuilder) -> Answer {
    let both = Headers::X_RATELIMIT | Headers::IETF_DRAFT_11;
    let limiter = limiter.headers(both).build().expect("limits");
    let app =
        init_service(App::new().wrap(limiter).route("/a/{id}", web::get().to(|| async { "admitted" }))).await;
    ask(&app, request("GET", "/a/1")).await;
    ask(&app, request("GET", "/a/1")).await
}

#[actix_web::test]
async fn any_custom_response_gets_the_headers() {
    for status in [200, 302, 403, 404, 429, 503] {
        let answer = move |_: &Breach, _: &ServiceRequest| {
            let status = actix_web::http::StatusCode::from_u16(status).expect("a status");
            Some(HttpResponse::build(status).content_type("text/x-own").body("own"))
        };
        let refused = refused(limiter().default_limits("1/minute").on_breach(answer)).await;
        assert_eq!((refused.status, &*refused.body), (status, "own"));
        let told = ["content-type", "retry-after", "cache-control", "x-ratelimit-remaining", "ratelimit"]
            .map(|name| refused.header(name).unwrap_or_default());
        assert_eq!(told, ["text/x-own", "60", "no-store", "0", r#""1 per 1 minute";r=0;t=60"#]);
    }
}

#[actix_web::test]
async fn cache_headers_of_a_response_are_kept() {
    let answer = |_: &Breach, _: &ServiceRequest| {
        Some(HttpResponse::Ok().insert_header(("cache-control", "max-age=5")).finish())
    };
    let refused = refused(limiter().default_limits("1/minute").on_breach(answer)).await;
    assert_eq!(refused.header("cache-control"), Some("max-age=5"));
}

#[actix_web::test]
async fn on_breach_of_the_limit_goes_before_the_limiters() {
    let own = |says: &'static str| move |_: &Breach, _: &ServiceRequest| Some(HttpResponse::Ok().body(says));
    let limit = || Limit::new(Quota::per_minute(1));
    let answer =
        refused(limiter().default_limits(limit().on_breach(own("limit"))).on_breach(own("limiter"))).await;
    assert_eq!(answer.body, "limit");
    let answer =
        refused(limiter().default_limits(limit().on_breach(|_, _| None)).on_breach(own("limiter"))).await;
    assert_eq!(answer.body, "limiter");
    let answer =
        refused(limiter().default_limits(limit().on_breach(|_, _| None)).on_breach(|_, _| None)).await;
    assert_eq!((answer.status, answer.header("content-type")), (429, Some("application/problem+json")));
}

/// Body, headers and function speak of one limit.
#[actix_web::test]
async fn on_breach_receives_the_breach() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let limits = [
        Limit::new(Quota::per_minute(1)),
        Limit::new(Quota::per_hour(1)).name("hourly").error_message("too many"),
        Limit::new(Quota::per_day(9)),
    ];
    let answer = refused(limiter().default_limits(limits.to_vec()).on_breach(move |breach, _| {
        let windows = breach.limits().iter().map(|limit| limit.window().remaining()).collect::<Vec<_>>();
        noted.lock().expect("no panic").push(format!(
            "{:?} {} {} {:?} {:?} {:?} {} {windows:?}",
            breach.name(),
            breach.quota(),
            breach.message(),
            breach.route(),
            breach.key(),
            breach.retry_after(),
            breach.is_meta(),
        ));
        None
    }))
    .await;
    let expected =
        r#"Some("hourly") 1 per 1 hour too many Some("/a/{id}") 127.0.0.1 Some(3600s) false [0, 0, 8]"#;
    assert_eq!(*seen.lock().expect("no panic"), [expected]);
    let json: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((&json["detail"], &json["violated-policies"][0]), (&"too many".into(), &"hourly".into()));
    assert_eq!((answer.header("retry-after"), answer.header("x-ratelimit-limit")), (Some("3600"), Some("1")));
    assert!(answer.header("ratelimit").is_some_and(|field| field.contains(r#""hourly";r=0;t=3600"#)));
}

#[actix_web::test]
async fn a_response_need_not_be_an_option() {
    fn wait(breach: &Breach, _: &ServiceRequest) -> HttpResponse {
        HttpResponse::TooManyRequests().body(format!("{:?}", breach.retry_after_secs()))
    }
    let of_limiter = refused(limiter().default_limits("1/minute").on_breach(wait)).await;
    assert_eq!(of_limiter.body, "Some(60)");
    let limit = Limit::new(Quota::per_hour(1)).on_breach(wait);
    assert_eq!(refused(limiter().default_limits(limit)).await.body, "Some(3600)");
}

#[actix_web::test]
async fn a_request_that_never_passes_has_no_seconds_to_wait() {
    let limit = Limit::new(Quota::per_hour(1)).cost(2).on_breach(|breach, _| {
        HttpResponse::TooManyRequests().body(format!("{:?}", breach.retry_after_secs()))
    });
    assert_eq!(refused(limiter().default_limits(limit)).await.body, "None");
}

#[actix_web::test]
async fn on_breach_receives_the_request() {
    let in_their_language = |_: &Breach, req: &ServiceRequest| {
        HttpResponse::TooManyRequests().body(format!(
            "{} {:?}",
            req.path(),
            req.headers().get("accept-language")
        ))
    };
    let limit = Limit::new("1/minute").on_breach(in_their_language);
    for limiter in
        [limiter().default_limits(limit), limiter().default_limits("1/minute").on_breach(in_their_language)]
    {
        assert_eq!(refused(limiter).await.body, "/a/1 None");
    }
}
