//! Counts while the storage fails and after, and the log of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{App, HttpResponse, rt::task::yield_now, test::init_service, web};
use limiter_actix::{Key, Limit, Limiter, Quota, Usage};
use limiter_test_support::{log, play::in_a_system};

use crate::fickle_storage::{Bench, ok, statuses};

#[actix_web::test]
async fn fallback_counts_start_at_zero_and_are_not_carried_back() {
    let bench = Bench::new();
    let limiter = bench.limiter().default_limits("3/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
    assert_eq!(statuses(&app, "/", 2).await, [200, 200]);
    bench.storage.fail();
    assert_eq!(statuses(&app, "/", 4).await, [200, 200, 200, 429]);
    bench.storage.recover();
    assert_eq!(statuses(&app, "/", 2).await, [200, 429]);
}

/// A charge of the one is not refunded to the other.
#[actix_web::test]
async fn refunds_go_to_the_storage_that_was_charged() {
    let bench = Bench::failing();
    let limit = Limit::new(Quota::per_hour(1)).deduct_when(|response| response.status.is_server_error());
    let limiter = bench.limiter().default_limits(limit).build().unwrap();
    let broken = web::to(HttpResponse::InternalServerError);
    let app = App::new().wrap(limiter).route("/", web::to(ok)).route("/broken", broken);
    let app = init_service(app).await;
    assert_eq!(statuses(&app, "/", 3).await, [200; 3]);
    assert_eq!(statuses(&app, "/broken", 2).await, [500, 429]);
    bench.storage.recover();
    assert_eq!(statuses(&app, "/broken", 2).await, [500, 429]);
}

#[actix_web::test]
async fn the_limiter_reports_the_health_of_the_storage() {
    let bench = Bench::new();
    let limiter = bench.limiter().default_limits("100/hour").build().unwrap();
    let app = App::new().wrap(limiter.clone()).route("/", web::to(ok));
    let app = init_service(app).await;
    let health = || (limiter.storage_health().is_failing(), limiter.storage_health().errors());
    statuses(&app, "/", 2).await;
    assert_eq!(health(), (false, 0));
    bench.storage.fail();
    statuses(&app, "/", 3).await;
    assert_eq!(health(), (true, 3));
    bench.storage.recover();
    statuses(&app, "/", 2).await;
    assert_eq!(health(), (false, 3));
}

#[actix_web::test]
async fn failing_and_recovering_are_logged_once_each() {
    log::capture();
    let bench = Bench::new();
    let limiter = bench.limiter().default_limits("100/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/", web::to(ok))).await;
    let said = || (log::here("L006").len(), log::here("L016").len());
    statuses(&app, "/", 2).await;
    assert_eq!(said(), (0, 0));
    bench.storage.fail();
    statuses(&app, "/", 5).await;
    assert_eq!(said(), (1, 0));
    assert!(log::here("L006")[0].contains("it is gone: no route to it"), "{:?}", log::here("L006"));
    assert!(log::here("L006")[0].contains("servers=\"far-away:6379\""), "{:?}", log::here("L006"));
    bench.storage.recover();
    statuses(&app, "/", 5).await;
    assert_eq!(said(), (1, 1));

    // One that comes and goes does not fill the log.
    for _ in 0..20 {
        bench.storage.fail();
        statuses(&app, "/", 1).await;
        bench.storage.recover();
        statuses(&app, "/", 1).await;
    }
    assert_eq!(said(), (1, 1));
    bench.clock.advance(Duration::from_secs(10));
    bench.storage.fail();
    statuses(&app, "/", 2).await;
    bench.storage.recover();
    statuses(&app, "/", 2).await;
    assert_eq!(said(), (2, 2));
}

/// A readiness probe sees the storage, and charges nothing.
#[actix_web::test]
async fn the_limiter_is_ready_if_the_storage_is() {
    let bench = Bench::new();
    let limiter = bench.limiter().named_limit("mails", Limit::new(Quota::per_hour(1))).build().unwrap();
    assert!(limiter.ready().await.is_ok());
    assert!(bench.storage.decided() > 0);
    assert!(limiter.hit("mails", &Key::from("alice"), 1).await.unwrap().is_allowed());
    bench.storage.fail();
    assert!(limiter.ready().await.is_err());
    assert!(limiter.storage_health().is_failing());
    bench.storage.recover();
    assert!(limiter.ready().await.is_ok());
    assert!(!limiter.storage_health().is_failing());
    assert!(Limiter::default().ready().await.is_ok(), "memory is always ready");
}

/// A request without a decision neither queries a failing storage nor waits for it.
#[actix_web::test]
async fn a_request_without_limits_queries_nothing() {
    let bench = Bench::new();
    let limiter = bench.limiter().exempt_scope("/health").default_limits("1/hour").build().unwrap();
    let app = init_service(App::new().wrap(limiter).route("/health", web::to(ok))).await;
    assert_eq!(statuses(&app, "/health", 3).await, [200; 3]);
    assert_eq!(bench.storage.decided(), 0);
}

/// Reserves 4 of 10.
fn metered() -> Limit {
    Limit::new(Quota::per_hour(10)).cost(4).metered(true)
}

#[actix_web::test]
async fn a_usage_that_fails_to_be_settled_is_logged() {
    log::capture();
    for used in [1, 7] {
        let bench = Bench::new();
        let limiter = bench.limiter().default_limits(metered()).build().unwrap();
        let storage = Arc::clone(&bench.storage);
        let fails = move |usage: Usage| {
            usage.set(used);
            storage.fail();
            ok()
        };
        let app = init_service(App::new().wrap(limiter.clone()).route("/", web::to(fails))).await;
        let before = log::here("usage was not settled").len();
        assert_eq!(statuses(&app, "/", 1).await, [200]);
        // It does not delay the answer.
        for _ in 0..10 {
            yield_now().await;
        }
        let lines = log::here("usage was not settled").split_off(before);
        let [line] = &lines[..] else { panic!("{used}: {lines:?}") };
        for part in ["WARN", "L006", "it is gone: no route to it"] {
            assert!(line.contains(part), "{used}: {line}");
        }
        assert_eq!(limiter.storage_health().errors(), 1, "{used}");
    }
}

#[test]
fn a_usage_that_ends_after_its_worker_is_logged() {
    log::capture();
    let bench = Bench::new();
    let kept = Arc::new(Mutex::new(None));
    in_a_system(async {
        let limiter = bench.limiter().default_limits(metered()).build().unwrap();
        let kept = Arc::clone(&kept);
        let keeps = move |usage: Usage| {
            usage.set(1);
            *kept.lock().unwrap() = Some(usage);
            ok()
        };
        let app = init_service(App::new().wrap(limiter).route("/", web::to(keeps))).await;
        assert_eq!(statuses(&app, "/", 1).await, [200]);
    });
    assert_eq!(log::here("usage was not settled"), Vec::<String>::new());
    // Its stream ends in another thread, such as this one.
    drop(kept.lock().unwrap().take());
    let lines = log::here("usage was not settled");
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.contains("its task ended early"), "{line}");
}
