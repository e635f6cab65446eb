//! Changes by operators.

use actix_http::{Payload, h1};
use actix_web::{dev::Service, rt::task::yield_now, test::init_service};
use futures_util::FutureExt;
use limiter_actix::Limiter;
use limiter_test_support::{app::get as status_of, log, storages::StorageKind};

use crate::{app, build, change, change_request, view};

#[actix_web::test]
async fn a_cleared_client_passes_again() {
    log::capture();
    let limiter = build(Limiter::builder());
    let app = init_service(app(&limiter)).await;
    for expected in [200, 200, 429] {
        assert_eq!(status_of(&app, "/search").await, expected);
    }
    let (status, changed) = change(&app, r#"{"action": "clear", "client": "127.0.0.1"}"#).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(
        changed,
        serde_json::json!({"action": "clear", "has_changed": true, "is_complete": true, "limits": null})
    );
    assert_eq!(status_of(&app, "/search").await, 200);
    let lines = log::here("change by the inspector");
    let is_logged =
        |line: &String| ["L050", "changer", "clear", "127.0.0.1"].iter().all(|text| line.contains(text));
    assert!(lines.iter().any(is_logged), "{lines:?}");
}

#[actix_web::test]
async fn bans_and_passes_begin_and_end() {
    let limiter = build(Limiter::builder());
    let app = init_service(app(&limiter)).await;
    assert_eq!(status_of(&app, "/search").await, 200);
    let ban = r#"{"action": "ban", "client": "127.0.0.0/8", "seconds": 60, "reason": "<b>scraping</b>"}"#;
    assert_eq!(change(&app, ban).await.0, 200);
    assert_eq!(status_of(&app, "/search").await, 403);
    let bans = view(&app, "bans").await;
    assert_eq!(
        (&bans["bans"][0]["client"], &bans["bans"][0]["reason"]),
        (&"127.0.0.0/8".into(), &"<b>scraping</b>".into())
    );
    let client = view(&app, "client?client=127.0.0.1").await;
    assert_eq!((&client["is_refused"], &client["ban"]["client"]), (&true.into(), &"127.0.0.0/8".into()));

    let (_, changed) = change(&app, r#"{"action": "unban", "client": "127.0.0.0/8"}"#).await;
    assert_eq!(changed["has_changed"], true);
    let (_, changed) = change(&app, r#"{"action": "unban", "client": "127.0.0.0/8"}"#).await;
    assert_eq!(changed["has_changed"], false);
    assert_eq!([status_of(&app, "/search").await, status_of(&app, "/search").await], [200, 429]);

    assert_eq!(change(&app, r#"{"action": "allow", "client": "127.0.0.1", "seconds": 60}"#).await.0, 200);
    assert_eq!(status_of(&app, "/search").await, 200);
    assert_eq!(change(&app, r#"{"action": "disallow", "client": "127.0.0.1"}"#).await.1["has_changed"], true);
    assert_eq!(status_of(&app, "/search").await, 429);

    assert_eq!(change(&app, r#"{"action": "ban", "client": "user:alice", "seconds": 60}"#).await.0, 200);
    let listed = view(&app, "bans").await["bans"][0]["client"].as_str().expect("a client").to_owned();
    assert!(!listed.contains("alice"), "{listed}");
    let (_, changed) = change(&app, &format!(r#"{{"action": "unban", "client": "{listed}"}}"#)).await;
    assert_eq!(changed["has_changed"], true, "by what is listed");
}

#[actix_web::test]
async fn the_limiter_is_switched_off_and_on() {
    let limiter = build(Limiter::builder());
    let app = init_service(app(&limiter)).await;
    let statuses = async || {
        [status_of(&app, "/search").await, status_of(&app, "/search").await, status_of(&app, "/search").await]
    };
    assert_eq!(statuses().await, [200, 200, 429]);
    assert_eq!(change(&app, r#"{"action": "switch", "enabled": false}"#).await.1["has_changed"], true);
    assert_eq!(statuses().await, [200, 200, 200]);
    assert_eq!(view(&app, "overview").await["enabled"], false);
    assert_eq!(change(&app, r#"{"action": "switch", "enabled": true}"#).await.0, 200);
    assert_eq!(status_of(&app, "/search").await, 429);
}

#[actix_web::test]
async fn a_limit_is_set_to_shadow_and_restored() {
    let limiter = build(Limiter::builder());
    let app = init_service(app(&limiter)).await;
    let statuses = async || {
        [status_of(&app, "/search").await, status_of(&app, "/search").await, status_of(&app, "/search").await]
    };
    assert_eq!(statuses().await, [200, 200, 429]);
    let set = async |shadow: &str| {
        let body = format!(
            r#"{{"action": "shadow", "limit": "2 per 1 hour (route GET /search)", "shadow": {shadow}}}"#
        );
        change(&app, &body).await
    };
    assert_eq!(set("true").await.0, 200);
    assert_eq!(statuses().await, [200, 200, 200]);
    let limits = view(&app, "limits").await;
    let listed =
        limits["routes"].as_array().expect("routes").iter().filter_map(|route| route["limits"].as_array());
    let shadows: Vec<_> = listed.flatten().filter(|limit| limit["is_shadow"] == true).collect();
    assert_eq!(shadows.len(), 1, "{limits}");
    assert_eq!(set("null").await.0, 200);
    assert_eq!(status_of(&app, "/search").await, 429);
    let (status, error) =
        change(&app, r#"{"action": "shadow", "limit": "9 per 1 day (x)", "shadow": true}"#).await;
    assert_eq!(status, 400, "{error}");
}

/// The defect that this prevents: settings replaced by an operator lost what the limiter had learned or counted.
#[actix_web::test]
async fn a_change_keeps_counts_bans_and_the_switch() {
    let limiter = build(Limiter::builder());
    let app = init_service(app(&limiter)).await;
    assert_eq!([status_of(&app, "/search").await, status_of(&app, "/search").await], [200, 200]);
    assert!(limiter.set_shadow("2 per 1 hour (route GET /search)", Some(true)));
    assert!(limiter.set_shadow("2 per 1 hour (route GET /search)", None));
    assert_eq!(status_of(&app, "/search").await, 429);
    limiter.set_enabled(false);
    assert!(limiter.set_shadow("2 per 1 hour (route GET /search)", Some(true)));
    assert!(!limiter.is_enabled());
}

#[actix_web::test]
async fn invalid_changes_are_errors() {
    let limiter = build(Limiter::builder());
    let app = init_service(app(&limiter)).await;
    let long = format!(r#"{{"action": "clear", "client": "{}"}}"#, "x".repeat(9000));
    for (body, expected) in [
        ("", 400),
        ("[]", 400),
        ("{}", 400),
        (r#"{"action": "destroy"}"#, 400),
        (r#"{"action": "clear"}"#, 400),
        (r#"{"action": "clear", "client": ""}"#, 400),
        (r#"{"action": "clear", "client": "a", "more": 1}"#, 400),
        (r#"{"action": "ban", "client": "a", "seconds": 0}"#, 400),
        (r#"{"action": "ban", "client": "a", "seconds": -1}"#, 400),
        (r#"{"action": "allow", "client": "a"}"#, 400),
        (long.as_str(), 413),
    ] {
        let (status, error) = change(&app, body).await;
        assert_eq!(status, expected, "{body}: {error}");
        assert!(error["error"].is_string(), "{error}");
    }
    // Far away, but valid.
    let forever = format!(r#"{{"action": "ban", "client": "a", "seconds": {}}}"#, u64::MAX);
    assert_eq!(change(&app, &forever).await.0, 200);
}

#[actix_web::test]
async fn a_body_that_never_ends_is_given_up() {
    let limiter = build(Limiter::builder());
    let app = init_service(app(&limiter)).await;
    let (_sender, body) = h1::Payload::create(false);
    let request = change_request("").to_request().replace_payload(Payload::from(body)).0;
    let response = app.call(request).await.expect("a response");
    assert_eq!(response.status(), 408);
}

/// The defect: an operator who reset the connection made a change that was not logged.
#[actix_web::test]
async fn a_change_whose_request_is_dropped_is_logged() {
    log::capture();
    let limiter = build(StorageKind::Remote.set(Limiter::builder()));
    let app = init_service(app(&limiter)).await;
    let ban = r#"{"action": "ban", "client": "192.0.2.77", "seconds": 60}"#;
    let mut request = Box::pin(app.call(change_request(ban).to_request()));
    // The ban is under way, and then nobody waits for it.
    assert!(request.as_mut().now_or_never().is_none());
    drop(request);
    for _ in 0..20 {
        yield_now().await;
    }
    assert_eq!(limiter.bans().await.expect("bans").len(), 1);
    let lines = log::here("192.0.2.77");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(["L050", "changer", "ban"].iter().all(|text| lines[0].contains(text)), "{lines:?}");
}
