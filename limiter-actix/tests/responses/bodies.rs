//! The body of a refusal, in each of its forms.

use actix_web::{App, dev::ServiceRequest, http::header::HeaderValue, test::init_service, web};
use limiter_actix::{Limit, Quota};
use limiter_test_support::{
    app::{ask, request},
    client::Answer,
};

use super::limiter;

/// Refuses everything, by a limit with this message.
async fn refused(limit: Limit, method: &str, accept: &str) -> Answer {
    let limiter = limiter().default_limits(limit).build().expect("a limit");
    let app = init_service(App::new().wrap(limiter).route("/", web::get().to(|| async { "admitted" }))).await;
    ask(&app, request(method, "/").insert_header(("accept", accept))).await
}

fn nothing() -> Limit {
    Limit::new(Quota::per_day(0))
}

#[actix_web::test]
async fn each_form_has_the_limit_as_text() {
    let plain = refused(nothing(), "GET", "text/plain").await;
    assert_eq!(plain.body, "0 per 1 day");

    let html = refused(nothing(), "GET", "text/html").await;
    assert_eq!(
        html.body,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>429 Too Many Requests</title>\n\
         <h1>Too Many Requests</h1>\n<p>0 per 1 day</p>\n</html>\n"
    );

    let problem = refused(nothing(), "GET", "*/*").await;
    let json: serde_json::Value = serde_json::from_str(&problem.body).expect("JSON");
    assert_eq!(json["detail"], "0 per 1 day");
}

#[actix_web::test]
async fn each_form_has_the_message_in_its_place() {
    let limit = || nothing().error_message("slow down");
    assert_eq!(refused(limit(), "GET", "text/plain").await.body, "slow down");
    assert!(refused(limit(), "GET", "text/html").await.body.contains("<p>slow down</p>"));
    let json: serde_json::Value =
        serde_json::from_str(&refused(limit(), "GET", "*/*").await.body).expect("JSON");
    assert_eq!(json["detail"], "slow down");
}

/// A message may repeat what the client sent.
#[actix_web::test]
async fn messages_are_escaped() {
    let nasty = "</p><script>alert(\"1\" & '2')</script>\\ \u{0}\u{1f}\u{7f}\n\r\t\u{2028}\u{1f600}{}";
    let limit = || nothing().error_message_with(move |_| nasty);

    let html = refused(limit(), "GET", "text/html").await.body;
    let escaped = "&lt;/p&gt;&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;";
    assert!(html.contains(escaped), "{html}");
    assert_eq!(html.matches('<').count(), 10, "no tags but ours: {html}");

    let problem = refused(limit(), "GET", "*/*").await.body;
    let json: serde_json::Value = serde_json::from_str(&problem).expect("JSON");
    assert_eq!(json["detail"], nasty);
    assert!(problem.chars().all(|char| char >= ' '), "a line of its own: {problem}");

    assert_eq!(refused(limit(), "GET", "text/plain").await.body, nasty);
}

#[actix_web::test]
async fn names_are_escaped() {
    let limit = nothing().name("say \"hi\" \\ <b>");
    let json: serde_json::Value =
        serde_json::from_str(&refused(limit, "GET", "*/*").await.body).expect("JSON");
    assert_eq!(json["violated-policies"], serde_json::json!(["say \"hi\" \\ <b>"]));
}

#[actix_web::test]
async fn a_refusal_is_not_stored_and_its_head_is_that_of_a_get() {
    for accept in ["*/*", "text/html", "text/plain"] {
        let get = refused(nothing(), "GET", accept).await;
        let head = refused(nothing(), "HEAD", accept).await;
        assert_eq!((get.status, get.header("cache-control")), (429, Some("no-store")));
        assert_eq!((head.status, &*head.body, &head.headers), (429, "", &get.headers));
    }
}

/// The defect that this prevents: what one client sent is in the answer to another.
#[actix_web::test]
async fn a_message_by_a_function_is_made_for_each_request() {
    let name = |req: &ServiceRequest| req.headers().get("x-name").map_or(0, HeaderValue::len).to_string();
    let limiter = limiter().default_limits(nothing().error_message_with(name)).build().expect("a limit");
    let app = init_service(App::new().wrap(limiter).route("/", web::get().to(|| async { "admitted" }))).await;
    for (name, expected) in [("alice", "5"), ("bob", "3"), ("alice", "5")] {
        let answer = ask(&app, request("GET", "/").insert_header(("x-name", name))).await;
        let json: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(json["detail"], expected);
    }
}
