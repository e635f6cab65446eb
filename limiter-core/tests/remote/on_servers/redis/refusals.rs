//! Errors of the server instead of a decision, in words for the operator.

use limiter_core::storage::RedisStorage;
use limiter_test_servers::{Redis, free_port};

use crate::{on_servers::redis::stand_in, suite::refusals::expect_error};

async fn expect(uri: &str, expected: &str) {
    expect_error(&RedisStorage::new(uri).unwrap(), expected).await;
}

#[tokio::test]
async fn a_port_without_a_server_is_an_error() {
    expect(&format!("redis://127.0.0.1:{}", free_port()), "refused the connection").await;
    expect("redis+unix:///nowhere/redis.sock", "refused the connection").await;
}

#[tokio::test]
async fn a_host_without_an_address_is_an_error() {
    expect("redis://nowhere.invalid", "could not be resolved").await;
}

#[tokio::test]
async fn a_wrong_password_or_none_is_an_error() {
    let server = Redis::start_with(&["--requirepass", "right"]);
    let port = server.port();
    expect(&format!("redis://:wrong@127.0.0.1:{port}"), "refused the user name or the password").await;
    expect(&format!("redis://nobody:right@127.0.0.1:{port}"), "refused the user name or the password").await;
    expect(&server.uri(), "requires a password").await;
}

#[tokio::test]
async fn a_user_without_permission_is_an_error() {
    let server = Redis::start_with(&["--user", "guest", "on", ">guest", "~*", "+@read", "-@scripting"]);
    expect(&format!("redis://guest:guest@127.0.0.1:{}", server.port()), "may not run the commands").await;
}

#[tokio::test]
async fn a_replica_is_an_error() {
    let primary = Redis::start();
    let port = primary.port().to_string();
    let replica = Redis::start_with(&["--replicaof", "127.0.0.1", &port]);
    expect(&replica.uri(), "read-only replica").await;
}

#[tokio::test]
async fn a_server_without_memory_is_an_error() {
    let server = Redis::start_with(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]);
    expect(&server.uri(), "no memory left").await;
}

#[tokio::test]
async fn a_node_of_a_cluster_is_an_error() {
    let server = Redis::start_with(&["--cluster-enabled", "yes"]);
    expect(&server.uri(), "cluster is down").await;
}

#[tokio::test]
async fn a_missing_database_is_an_error() {
    let server = Redis::start();
    expect(&format!("{}/99", server.uri()), "Redis server").await;
}

/// As a server does for as long as it reads its data after a start.
#[tokio::test]
async fn a_server_that_is_loading_is_an_error() {
    let loading = |_: &str| "-LOADING Redis is loading the dataset in memory\r\n".to_owned();
    expect_error(&stand_in::server(loading).await, "still loading its data").await;
}

#[test]
fn errors_and_debug_output_hide_the_password() {
    for uri in
        ["http://:secret@127.0.0.1", "redis:secret", "redis://:secret@host:port", "", "redis://:secret@"]
    {
        let error = RedisStorage::new(uri).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    let builder = RedisStorage::builder("redis://:secret@127.0.0.1").credentials("me", "secret");
    assert!(!format!("{builder:?}").contains("secret"));
    assert!(!format!("{:?}", builder.build().unwrap()).contains("secret"));
}
