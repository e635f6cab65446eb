//! Problem details (RFC 9457), with the types of draft-ietf-httpapi-ratelimit-headers-11, section 5.

use actix_web::{App, test::init_service, web};
use limiter_actix::{Headers, Limit, LimiterBuilder, Quota};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
};
use serde_json::{Value, json};

use super::{draft_reader, limiter};

async fn third(limiter: LimiterBuilder) -> Answer {
    let app = init_service(
        App::new()
            .wrap(limiter.build().expect("limits"))
            .route("/items/123", web::get().to(|| async { "admitted" })),
    )
    .await;
    for _ in 0..2 {
        ask(&app, request("GET", "/items/123")).await;
    }
    ask(&app, request("GET", "/items/123")).await
}

fn json_of(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    serde_json::from_str(&answer.body).expect("JSON")
}

#[actix_web::test]
async fn a_limit_that_refuses_is_an_exceeded_quota() {
    let answer = third(limiter().default_limits(Limit::new(Quota::per_minute(2)).name("default"))).await;
    assert_eq!(answer.status, 429);
    assert_eq!(
        json_of(&answer),
        json!({
            "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
            "title": "Quota Exceeded",
            "status": 429,
            "detail": "2 per 1 minute",
            "violated-policies": ["default"],
        })
    );
}

#[actix_web::test]
async fn a_meta_limit_that_refuses_is_abnormal_usage() {
    let answer = third(limiter().default_limits("1/minute").meta_limits("1/hour")).await;
    assert_eq!(answer.status, 429);
    assert_eq!(
        json_of(&answer),
        json!({
            "type": "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
            "title": "Abnormal Usage Detected",
            "status": 429,
            "detail": "1 per 1 hour",
            "violated-policies": ["1 per 1 hour"],
        })
    );
}

#[actix_web::test]
async fn all_that_refused_are_named_and_the_longest_wait_first() {
    let limits = "2/minute; 2/day; 9/hour";
    let answer = third(limiter().default_limits(limits)).await;
    let json = json_of(&answer);
    assert_eq!(json["violated-policies"], json!(["2 per 1 day", "2 per 1 minute"]));
    assert_eq!(json["detail"], "2 per 1 day");
    assert_eq!(answer.header("retry-after"), Some("86400"));
}

/// The same names in the body as in the fields.
#[actix_web::test]
async fn policies_are_named_as_in_the_fields() {
    let limits =
        [Limit::new(Quota::per_minute(2)).name("Z\u{fc}ge"), Limit::new(Quota::per_day(2)).name("a\"b")];
    let limiter = limiter().default_limits(limits.to_vec()).headers(Headers::IETF_DRAFT_11);
    let answer = third(limiter).await;
    assert_eq!(json_of(&answer)["violated-policies"], json!(["a\"b", "Z%c3%bcge"]));
    let states =
        draft_reader::states(answer.header("ratelimit").expect("the field")).expect("Structured Fields");
    let names: Vec<_> = states.iter().map(|(name, ..)| &**name).collect();
    assert_eq!(names, ["Z%c3%bcge", "a\"b"]);
}
