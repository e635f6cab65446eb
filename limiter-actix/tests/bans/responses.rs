//! What a banned client gets to see.

use actix_web::{App, HttpMessage, HttpResponse, dev::Service, http::StatusCode, test::init_service, web};
use limiter_actix::{Ban, Limiter, LimiterBuilder};
use limiter_test_support::{app::ask, log};

use crate::{HOUR, answer_to, app, from, ok};

const ALICE: &str = "192.0.2.1";

/// A reason that would break a line, a header and a page.
const REASON: &str = "<b>bot</b>\r\nx: \u{1b}[31m\"";

async fn banned(builder: LimiterBuilder) -> Limiter {
    let limiter = builder.build().expect("a limiter");
    let alice: std::net::IpAddr = ALICE.parse().expect("an address");
    limiter.ban(alice, HOUR, REASON).await.expect("a ban");
    limiter
}

#[actix_web::test]
async fn a_ban_is_a_problem_with_its_end() {
    let limiter = banned(Limiter::builder().headers(true).default_limits("5/hour")).await;
    let answer = answer_to(&app(&limiter).await, ALICE).await;
    assert_eq!(answer.status, 403);
    let wait: u64 = answer.header("retry-after").and_then(|wait| wait.parse().ok()).expect("a wait");
    assert!((3500..=3600).contains(&wait), "{wait}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-ratelimit-limit"), None, "nothing was counted");
    assert_eq!(
        answer.body,
        r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"The client is banned."}"#
    );
}

#[actix_web::test]
async fn status_and_reason_are_as_set() {
    let builder = Limiter::builder().ban_status(StatusCode::TOO_MANY_REQUESTS).show_ban_reason(true);
    let limiter = banned(builder).await;
    let app = app(&limiter).await;
    let answer = answer_to(&app, ALICE).await;
    assert_eq!(answer.status, 429);
    let body: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(body["title"], "Too Many Requests");
    assert_eq!(body["detail"], "<b>bot</b>\\r\\nx: \\u{1b}[31m\"", "control characters are escaped");
    for (accept, expected) in [
        ("text/plain", "<b>bot</b>\\r\\nx: \\u{1b}[31m\""),
        ("text/html", "&lt;b&gt;bot&lt;/b&gt;\\r\\nx: \\u{1b}[31m&quot;"),
    ] {
        let answer = ask(&app, from(ALICE).insert_header(("accept", accept))).await;
        assert!(answer.body.contains(expected), "{}", answer.body);
    }
}

#[actix_web::test]
async fn the_environment_sets_status_and_reason() {
    let set = |status| {
        Limiter::builder()
            .from_variables([("RATELIMIT_BAN_STATUS", status), ("RATELIMIT_SHOW_BAN_REASON", "yes")])
    };
    let limiter = banned(set("429")).await;
    let answer = answer_to(&app(&limiter).await, ALICE).await;
    assert!(answer.status == 429 && answer.body.contains("bot"), "{answer:?}");
    let error = set("200").build().expect_err("it is no refusal").to_string();
    assert!(error.contains("RATELIMIT_BAN_STATUS: expected 403 or 429, found `200`"), "{error}");
    // Code takes precedence.
    let limiter = banned(set("429").ban_status(StatusCode::FORBIDDEN)).await;
    assert_eq!(answer_to(&app(&limiter).await, ALICE).await.status, 403);
}

#[actix_web::test]
async fn another_status_is_an_error_of_build() {
    let error = Limiter::builder().ban_status(StatusCode::OK).build().expect_err("it is no refusal");
    assert!(error.to_string().contains("expected 403 or 429"), "{error}");
}

#[actix_web::test]
async fn the_application_may_respond_itself() {
    let on_ban = |ban: &Ban| ban.reason().starts_with('<').then(|| HttpResponse::Gone().body("gone"));
    let limiter = banned(
        Limiter::builder()
            .on_ban(on_ban)
            .on_breach(|_, _| -> Option<HttpResponse> { panic!("no limit is breached") }),
    )
    .await;
    let answer = answer_to(&app(&limiter).await, ALICE).await;
    assert_eq!((answer.status, &*answer.body), (410, "gone"));
    assert!(answer.header("retry-after").is_some(), "it is set whatever the response is");
}

#[actix_web::test]
async fn outer_middleware_sees_the_ban() {
    let limiter = banned(Limiter::builder()).await;
    let app = init_service(App::new().wrap(limiter.clone()).route("/", web::get().to(ok)).wrap_fn(
        |req, service| {
            let response = service.call(req);
            async {
                let response = response.await?;
                let reason = response.request().extensions().get::<Ban>().map(|ban| ban.reason().to_owned());
                assert_eq!(reason.as_deref(), Some(REASON));
                Ok(response)
            }
        },
    ))
    .await;
    assert_eq!(answer_to(&app, ALICE).await.status, 403);
}

/// A flood of a banned client does not fill the log, and its lines stay lines.
#[actix_web::test]
async fn refusals_are_logged_within_bounds() {
    log::capture();
    let limiter = banned(Limiter::builder()).await;
    let app = app(&limiter).await;
    for _ in 0..100 {
        assert_eq!(answer_to(&app, ALICE).await.status, 403);
    }
    let lines = log::here("L040");
    assert!((1..=20).contains(&lines.len()), "{}", lines.len());
    for line in lines {
        assert!(line.starts_with("INFO") && line.contains(ALICE), "{line}");
        assert!(line.contains("\\r\\n") && !line.contains(['\r', '\n', '\u{1b}']), "{line}");
    }
}
