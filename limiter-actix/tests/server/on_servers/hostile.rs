//! The soak of hostile clients with each of the storages on servers.

use std::{sync::Arc, time::Duration};

use limiter_actix::{
    OnStorageFailure,
    storage::{MemcachedStorage, RedisStorage, Resilient, Storage},
};
use limiter_test_servers::{Cluster, Memcached, Mongo, Redis, Sentinel};

use super::mongodb;
use crate::{hostile, soaking::in_own_process};

/// Longer than the default, since a deadline on a busy machine is no fault of the limiter.
const DEADLINE: Duration = Duration::from_secs(30);

/// A failure of the storage would be an answer with the status 503.
fn soak<S: Storage + 'static>(storage: S) {
    let storage = Resilient::new(storage).deadline(DEADLINE);
    hostile::soak(|it| it.storage(Arc::new(storage)).on_storage_failure(OnStorageFailure::Deny));
}

/// On Redis, or on Valkey if `REDIS_SERVER` names it.
#[test]
fn on_redis() {
    in_own_process("on_servers::hostile::on_redis", || {
        let server = Redis::start();
        soak(RedisStorage::new(&server.uri()).expect("an address"));
    });
}

#[test]
fn on_redis_by_sentinel() {
    in_own_process("on_servers::hostile::on_redis_by_sentinel", || {
        let server = Sentinel::start();
        soak(RedisStorage::new(&server.uri()).expect("an address"));
    });
}

#[test]
fn on_a_redis_cluster() {
    in_own_process("on_servers::hostile::on_a_redis_cluster", || {
        let server = Cluster::start();
        soak(RedisStorage::new(&server.uri()).expect("an address"));
    });
}

#[test]
fn on_memcached() {
    in_own_process("on_servers::hostile::on_memcached", || {
        let server = Memcached::start();
        soak(MemcachedStorage::new(&server.uri()).expect("an address"));
    });
}

#[test]
fn on_mongodb() {
    in_own_process("on_servers::hostile::on_mongodb", || {
        let server = Mongo::start();
        // The driver keeps the connections of its pool. A full pool of the default size would look like a leak.
        let uri = format!("{}/?maxPoolSize=8", server.uri());
        soak(mongodb(&uri));
    });
}
