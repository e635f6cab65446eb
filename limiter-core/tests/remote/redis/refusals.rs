//! What the server may answer instead of deciding, in words for the operator.

use std::error::Error;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, RedisStorage, Storage},
};

use limiter_test_servers::{Redis, free_port};

use crate::redis::stand_in;

/// What is said when the storage is asked, and the cause.
pub(crate) async fn said(storage: &RedisStorage) -> String {
    let (scope, key) = (Scope::new(["refusals"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    let error = storage.decide(&Batch::new(&hits), Timestamp::default()).await.expect_err("it cannot decide");
    let cause = error.source().expect("it has a cause");
    assert!(storage.probe().await.is_err(), "a probe tells so, too");
    format!("{error}: {cause}")
}

async fn says(uri: &str, expected: &str) {
    let said = said(&RedisStorage::new(uri).unwrap()).await;
    assert!(said.contains(expected), "{said}");
}

#[tokio::test]
async fn nobody_listens() {
    says(&format!("redis://127.0.0.1:{}", free_port()), "refused the connection").await;
    says("redis+unix:///nowhere/redis.sock", "refused the connection").await;
}

#[tokio::test]
async fn no_such_host() {
    says("redis://nowhere.invalid", "could not be resolved").await;
}

#[tokio::test]
async fn a_wrong_password_or_none() {
    let server = Redis::start_with(&["--requirepass", "right"]);
    let port = server.port();
    says(&format!("redis://:wrong@127.0.0.1:{port}"), "refused the user name or the password").await;
    says(&format!("redis://nobody:right@127.0.0.1:{port}"), "refused the user name or the password").await;
    says(&server.uri(), "asks for a password").await;
}

#[tokio::test]
async fn a_user_without_permission() {
    let server = Redis::start_with(&["--user", "guest", "on", ">guest", "~*", "+@read", "-@scripting"]);
    says(&format!("redis://guest:guest@127.0.0.1:{}", server.port()), "may not run the commands").await;
}

#[tokio::test]
async fn a_replica() {
    let primary = Redis::start();
    let port = primary.port().to_string();
    let replica = Redis::start_with(&["--replicaof", "127.0.0.1", &port]);
    says(&replica.uri(), "read-only replica").await;
}

#[tokio::test]
async fn no_memory_left() {
    let server = Redis::start_with(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]);
    says(&server.uri(), "no memory left").await;
}

#[tokio::test]
async fn a_node_of_a_cluster() {
    let server = Redis::start_with(&["--cluster-enabled", "yes"]);
    says(&server.uri(), "cluster is down").await;
}

#[tokio::test]
async fn no_such_database() {
    let server = Redis::start();
    says(&format!("{}/99", server.uri()), "Redis server").await;
}

/// As a server does for as long as it reads its data after a start.
#[tokio::test]
async fn a_server_that_is_loading() {
    let loading = |_: &str| "-LOADING Redis is loading the dataset in memory\r\n".to_owned();
    let said = said(&stand_in::server(loading).await).await;
    assert!(said.contains("still loading its data"), "{said}");
}
