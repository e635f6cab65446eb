//! Clearing all counts of a client, from a process that has met none of its limits, on real servers.
//! `cargo xtask test soak` runs these.

use std::{sync::Arc, time::Duration};

use actix_web::{App, HttpResponse, test::init_service, web};
use limiter_actix::{
    ClearedCounts, Key, Limit, Limiter, LimiterBuilder, OnStorageFailure, Quota, Strategy, key, resource,
    storage::{MemcachedStorage, RedisStorage, Resilient, Storage},
};
use limiter_test_servers::{Cluster, Memcached, Mongo, Redis};
use limiter_test_support::app::{ask, request};

use super::mongodb;

/// Longer than the default, since a deadline on a busy machine is no fault of the limiter.
const DEADLINE: Duration = Duration::from_secs(30);

/// A limiter of a process of its own.
fn limiter(storage: impl Storage + 'static, prefix: &str) -> LimiterBuilder {
    Limiter::builder()
        .storage(Arc::new(Resilient::new(storage).deadline(DEADLINE)))
        .on_storage_failure(OnStorageFailure::Deny)
        // Another process would repeat its refusals for up to five seconds.
        .local_refusals(false)
        .key_prefix(prefix)
        .key(key::header("x-user"))
}

async fn ok() -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// An app whose routes have limits at several levels, all of one a day.
macro_rules! app {
    ($limiter:expr) => {{
        let once = || Limit::new(Quota::per_day(1));
        let limiter = $limiter.build().expect("a limiter");
        let app = App::new()
            .wrap(limiter)
            .service(resource("/route", once(), |it| it.to(ok)))
            .service(resource("/shared", once().shared("some"), |it| it.to(ok)))
            .service(resource("/by-path", once().shared_with(|req| req.path().to_owned()), |it| it.to(ok)))
            .service(resource("/bucket", once().strategy(Strategy::TokenBucket), |it| it.to(ok)))
            .route("/default", web::to(ok));
        init_service(app).await
    }};
}

const PATHS: [&str; 5] = ["/route", "/shared", "/by-path", "/bucket", "/default"];

/// Requests each path once; returns how many were admitted.
macro_rules! admitted {
    ($app:expr, $user:expr) => {{
        let mut admitted = 0;
        for path in PATHS {
            let request = request("GET", path).insert_header(("x-user", $user));
            admitted += usize::from(ask(&$app, request).await.status == 200);
        }
        admitted
    }};
}

fn user(name: &str) -> Key {
    Key::text("header x-user", name)
}

/// Spends all limits, and clears them from limiters that have met none of them.
async fn clear<S: Storage + 'static>(open: impl Fn() -> S, finds_clients: bool) {
    let app = app!(limiter(open(), "shop").default_limits("1/day"));
    let other_app = app!(limiter(open(), "shop2").default_limits("1/day"));
    for user in ["alice", "bob"] {
        assert_eq!(admitted!(app, user), PATHS.len());
        assert_eq!(admitted!(app, user), 0);
    }
    assert_eq!(admitted!(other_app, "alice"), PATHS.len());

    let fresh = limiter(open(), "shop").build().expect("a limiter");
    let cleared = fresh.clear_all(&user("alice")).await.expect("an answer");
    match cleared {
        ClearedCounts::All => assert!(finds_clients),
        ClearedCounts::KnownLimits { limits, .. } => assert_eq!((limits, finds_clients), (0, false)),
        other => panic!("{other:?}"),
    }
    let expected = if finds_clients { PATHS.len() } else { 0 };
    assert_eq!(admitted!(app, "alice"), expected);
    assert_eq!((admitted!(app, "bob"), admitted!(other_app, "alice")), (0, 0), "others stay");
}

/// On Redis, or on Valkey if `REDIS_SERVER` names it.
#[actix_web::test]
async fn on_redis() {
    let server = Redis::start();
    clear(|| RedisStorage::new(&server.uri()).expect("an address"), true).await;
}

#[actix_web::test]
async fn on_a_redis_cluster() {
    let server = Cluster::start();
    clear(|| RedisStorage::new(&server.uri()).expect("an address"), true).await;
}

#[actix_web::test]
async fn on_mongodb() {
    let server = Mongo::start();
    clear(|| mongodb(&server.uri()), true).await;
}

/// Nobody can list the keys of memcached.
#[actix_web::test]
async fn on_memcached() {
    let server = Memcached::start();
    clear(|| MemcachedStorage::new(&server.uri()).expect("an address"), false).await;
}
