//! The recorded runs, on a server that is told the time.

use limiter_core::storage::RedisStorage;
use limiter_test_servers::{Cluster, Redis};

use crate::{
    redis::server::ServerExt,
    vectors::{PROMISED, REFERENCE, agree},
};

#[tokio::test]
async fn agrees_with_the_reference() {
    let server = Redis::start();
    assert_eq!(agree(&server.storage().use_caller_clock(), REFERENCE).await, 240);
}

#[tokio::test]
async fn agrees_with_what_is_promised() {
    let server = Redis::start();
    assert_eq!(agree(&server.storage().use_caller_clock(), PROMISED).await, 300);
}

#[tokio::test]
async fn a_cluster_agrees_with_what_is_promised() {
    let cluster = Cluster::start();
    let storage = RedisStorage::new(&cluster.uri()).unwrap().use_caller_clock();
    assert_eq!(agree(&storage, PROMISED).await, 300);
}
