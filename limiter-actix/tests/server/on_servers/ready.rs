//! Readiness, on real servers. `cargo xtask test soak` runs these.

use std::{sync::Arc, time::Duration};

use actix_web::rt::time::sleep;
use limiter_actix::{
    Limiter,
    storage::{MemcachedStorage, RedisStorage, Resilient, Storage},
};
use limiter_test_servers::{Cluster, Memcached, Mongo, Redis};
use limiter_test_support::log;

use super::mongodb;

/// Longer than the default, since a deadline on a busy machine is no fault of the limiter.
const DEADLINE: Duration = Duration::from_secs(30);

fn limiter(storage: impl Storage + 'static) -> Limiter {
    let storage = Resilient::new(storage).deadline(DEADLINE);
    Limiter::builder().storage(Arc::new(storage)).build().expect("a limiter")
}

/// The defects: no line named the server, and an open circuit counted as errors without end.
#[actix_web::test]
async fn a_server_that_is_gone_is_named_and_counted_once_for_each_call() {
    log::capture();
    let mut server = Redis::start();
    let limiter = limiter(RedisStorage::new(&server.uri()).expect("an address"));
    limiter.ready().await.expect("the server answers");
    server.kill();
    for _ in 0..10 {
        assert!(limiter.ready().await.is_err());
    }
    assert_eq!(limiter.storage_health().errors(), 3, "then the circuit opens");
    let address = format!("servers=\"127.0.0.1:{}\"", server.port());
    assert!(log::everywhere("L006").iter().any(|line| line.contains(&address)), "{address}");
    server.restart();
    while limiter.ready().await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(limiter.storage_health().errors(), 3);
}

#[actix_web::test]
async fn on_the_other_storages() {
    let (cluster, memcached, mongo) = (Cluster::start(), Memcached::start(), Mongo::start());
    for limiter in [
        limiter(RedisStorage::new(&cluster.uri()).expect("an address")),
        limiter(MemcachedStorage::new(&memcached.uri()).expect("an address")),
        limiter(mongodb(&mongo.uri())),
    ] {
        limiter.ready().await.expect("the server answers");
    }
}
