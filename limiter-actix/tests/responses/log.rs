//! The log of refusals.

use std::{sync::Arc, time::Duration};

use actix_web::{App, test};
use limiter_actix::{Limit, ManualClock, Quota, Timestamp};
use limiter_test_support::{
    app::{ask, get, request},
    log,
};

use crate::{START, limiter_at};

/// A hundred lines a second, and how many were left out.
#[actix_web::test]
async fn a_flood_of_refusals_does_not_fill_the_log() {
    log::capture();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START * 1000)));
    let limits = limiter_at(&clock).default_limits("0/day").build().unwrap();
    let app = test::init_service(App::new().wrap(limits)).await;
    let refused = || log::here("refused limit=0 per 1 day").len();
    for _ in 0..250 {
        assert_eq!(get(&app, "/").await, 429);
    }
    assert_eq!(refused(), 100);
    assert!(log::here("suppressed").is_empty());

    clock.advance(Duration::from_secs(1));
    assert_eq!(get(&app, "/").await, 429);
    assert_eq!(refused(), 101);
    let suppressed = log::here("suppressed");
    assert_eq!(suppressed.len(), 1);
    assert!(suppressed[0].starts_with("INFO request refused"), "{suppressed:?}");
    assert!(suppressed[0].contains("suppressed=150"), "{suppressed:?}");
}

/// A limit in shadow logs the refusal it would have made, once for a request.
#[actix_web::test]
async fn limits_in_shadow_are_logged_once() {
    log::capture();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START * 1000)));
    let watched = Limit::new(Quota::per_day(1)).name("watched").shadow(true);
    let limits = limiter_at(&clock).default_limits(watched).build().unwrap();
    let app = test::init_service(App::new().wrap(limits)).await;
    for expected in [0, 1, 2] {
        assert_eq!(ask(&app, request("GET", "/")).await.status, 404);
        assert_eq!(log::here("shadow limit would have refused").len(), expected);
    }
    assert!(log::here("name=\"watched\"").len() == 2);
}
