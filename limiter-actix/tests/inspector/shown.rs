//! What the interface shows.

use std::sync::Arc;

use actix_web::test::init_service;
use limiter_actix::{Clock, Key, Limit, Limiter, ManualClock, Quota, Timestamp};
use limiter_test_support::app::get as status_of;

use crate::{app, build, view, view_as};

/// The contract's question: why is this customer refused, and until when?
#[actix_web::test]
async fn a_refused_client_is_shown_with_the_reason_and_the_end() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let limiter =
        build(Limiter::builder().default_limits("100/day").clock(Arc::clone(&clock) as Arc<dyn Clock>));
    let app = init_service(app(&limiter)).await;
    assert_eq!([status_of(&app, "/search").await, status_of(&app, "/search").await], [200, 200]);
    let before = view(&app, "client?client=127.0.0.1").await;
    assert_eq!(before["is_refused"], true, "one more is refused: {before}");
    assert_eq!(status_of(&app, "/search").await, 429);
    assert_eq!(status_of(&app, "/plain").await, 200);

    let client = view(&app, "client?client=127.0.0.1").await;
    assert_eq!((&client["client"], &client["is_refused"]), (&"127.0.0.1".into(), &true.into()));
    assert_eq!(client["until"], 1_800_003_600_000_u64);
    let [first, second] = &client["windows"].as_array().expect("windows")[..] else { panic!("{client}") };
    assert_eq!(first["limit"], "2 per 1 hour (route GET /search)");
    assert_eq!((&first["remaining"], &first["retry_after_seconds"]), (&0.into(), &3600.into()));
    assert_eq!((&first["scope"], &first["is_refused"]), (&"route /search".into(), &true.into()));
    assert_eq!(
        (&second["limit"], &second["remaining"]),
        (&"100 per 1 day (default_limits)".into(), &99.into())
    );

    let other = view(&app, "client?client=127.0.0.2").await;
    assert_eq!((&other["is_refused"], &other["windows"]), (&false.into(), &serde_json::json!([])));
    assert_eq!(view_as(&app, "viewer", "client").await.status, 400);
    assert_eq!(view_as(&app, "viewer", "client?client=").await.status, 400);
    assert_eq!(status_of(&app, "/plain").await, 200);
    assert_eq!(
        view(&app, "client?client=127.0.0.1").await["windows"][1]["remaining"],
        98,
        "a look charges nothing"
    );
}

#[actix_web::test]
async fn the_last_hour_is_shown_by_minute() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let shadow = Limit::new(Quota::per_hour(1)).shadow(true);
    let builder = Limiter::builder().default_limits(shadow).clock(Arc::clone(&clock) as Arc<dyn Clock>);
    let limiter = build(builder);
    let app = init_service(app(&limiter)).await;
    for _ in 0..3 {
        status_of(&app, "/search").await;
    }
    status_of(&app, "/plain").await;
    clock.advance(std::time::Duration::from_secs(60));
    status_of(&app, "/plain").await;
    limiter
        .ban(&Key::from(std::net::IpAddr::from([127, 0, 0, 1])), std::time::Duration::from_secs(9), "")
        .await
        .expect("a ban");
    status_of(&app, "/plain").await;

    let overview = view(&app, "overview").await;
    let minutes = overview["minutes"].as_array().expect("minutes");
    assert_eq!(minutes.len(), 60);
    let counts = |minute: &serde_json::Value| {
        ["allowed", "shadow_refused", "refused", "undecided", "banned"].map(|kind| minute[kind].as_u64())
    };
    assert_eq!(counts(&minutes[58]), [3, 0, 1, 0, 0].map(Some));
    assert_eq!(counts(&minutes[59]), [0, 1, 0, 0, 1].map(Some));
    assert_eq!(minutes[59]["start"], 1_800_000_060);
    assert_eq!(overview["now"], 1_800_000_060_000_u64);
    assert_eq!((&overview["enabled"], &overview["storage"]["kind"]), (&true.into(), &"memory".into()));
    assert_eq!(overview["access"], serde_json::json!({"operator": "viewer", "may_change": false}));
}

#[actix_web::test]
async fn top_clients_are_shown_and_found_by_what_is_shown() {
    let limiter = build(Limiter::builder().default_limits("1/hour").top_clients(true).key(|req| {
        req.headers().get("x-key").and_then(|key| key.to_str().ok()).map(|key| Key::text("api key", key))
    }));
    let app = init_service(app(&limiter)).await;
    let with_key = || limiter_test_support::app::request("GET", "/plain").insert_header(("x-key", "CANARY"));
    for expected in [200, 429, 429] {
        assert_eq!(limiter_test_support::app::ask(&app, with_key()).await.status, expected);
    }
    let top = view(&app, "top").await;
    assert_eq!((&top["refused"][0]["count"], &top["busiest"][0]["count"]), (&2.into(), &3.into()));
    let shown = top["refused"][0]["client"].as_str().expect("a client");
    assert!(shown.starts_with("api key ") && !top.to_string().contains("CANARY"), "{top}");
    let client = view(&app, &format!("client?client={}", shown.replace(' ', "%20"))).await;
    assert_eq!(client["is_refused"], true, "{client}");
    assert_eq!(client, view(&app, "client?client=api%20key:CANARY").await);

    let uncounted = build(Limiter::builder());
    let app = init_service(crate::app(&uncounted)).await;
    assert_eq!(view(&app, "top").await["is_counted"], false);
}

#[actix_web::test]
async fn settings_are_shown_with_their_sources_and_without_secrets() {
    let variables = [("RATELIMIT_DEFAULT", "7/hour"), ("RATELIMIT_STRATEGY", "moving-window")];
    let limiter = build(
        Limiter::builder().from_variables(variables).key_prefix("shop").log_secret(b"CANARY0123456789"),
    );
    let app = init_service(app(&limiter)).await;
    let shown = view(&app, "settings").await;
    let of = |name: &str| {
        let all = shown["settings"].as_array().expect("settings");
        let found = all.iter().find(|setting| setting["name"] == name).expect("a setting");
        [&found["value"], &found["source"]].map(|text| text.as_str().expect("a text").to_owned())
    };
    assert_eq!(of("default_limits"), ["7 per 1 hour", "environment"]);
    assert_eq!(of("strategy"), ["moving-window", "environment"]);
    assert_eq!(of("key_prefix"), ["shop", "code"]);
    assert_eq!(of("storage_uri"), ["memory", "default"]);
    assert!(!shown.to_string().contains("CANARY"), "{shown}");
    let limits = view(&app, "limits").await;
    let route = &limits["routes"]
        .as_array()
        .expect("routes")
        .iter()
        .find(|route| route["pattern"] == "/plain")
        .expect("it")["limits"][0];
    assert_eq!((&route["source"], &route["place"]), (&"environment".into(), &"default_limits".into()));
}

/// Each of these is a file, and shows nothing of a client.
#[actix_web::test]
async fn the_page_has_addresses_below_its_own() {
    let limiter = build(Limiter::builder());
    let app = init_service(app(&limiter)).await;
    for (path, style) in [("/limiter", "href=\"limiter/page.css\""), ("/limiter/", "href=\"page.css\"")] {
        let request = limiter_test_support::app::request("GET", path);
        let request = request.insert_header(("x-operator", "viewer")).insert_header(("host", "[::1]:80"));
        let answer = limiter_test_support::app::ask(&app, request).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains(style) && !answer.body.contains("{base}"), "{path}");
    }
}
