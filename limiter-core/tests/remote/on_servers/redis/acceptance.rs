//! The tests that every storage must pass, over the ways to a Redis server.

use std::{fs, time::Duration};

use limiter_core::{
    acceptance::{self, Time},
    storage::RedisStorage,
};
use limiter_test_servers::Redis;
use redis::{AsyncConnectionConfig, Client};

use crate::server::Server;

#[tokio::test]
async fn passes_over_a_unix_socket() {
    let server = Redis::start_with(&["--unixsocket", "redis.sock"]);
    let path = fs::canonicalize(server.folder()).unwrap().join("redis.sock");
    for scheme in ["redis+unix", "valkey+unix"] {
        let storage = RedisStorage::new(&format!("{scheme}://{}?db=3", path.display())).unwrap();
        acceptance::run_shared(&storage, Time::Own).await;
    }
}

#[tokio::test]
async fn passes_with_a_connection_of_the_user() {
    let server = Redis::start();
    let client = Client::open(server.uri()).unwrap();
    // The default of half a second is too short for a machine that is busy elsewhere.
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(10)));
    let connection = client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
    acceptance::run(&RedisStorage::from_connection(connection).use_caller_clock(), Redis::callers_time())
        .await;
}

#[tokio::test]
async fn passes_with_a_prefix_a_database_and_a_password() {
    let server = Redis::start_with(&["--requirepass", "a:b@c/d%"]);
    let uri = format!("valkey://127.0.0.1:{}", server.port());
    let builder =
        RedisStorage::builder(&uri).credentials("default", "a:b@c/d%").prefix("a.b-c:d").database(7);
    acceptance::run(&builder.build().unwrap(), Time::Own).await;
    let uri = format!("redis://:a%3Ab%40c%2Fd%25@127.0.0.1:{}/5", server.port());
    acceptance::run_shared(&RedisStorage::new(&uri).unwrap(), Time::Own).await;
}

/// The user that the documentation shows, who may do no more than that.
#[tokio::test]
async fn passes_with_the_least_permissions() {
    let page = include_str!("../../../../../docs/storage/redis.md");
    let rule = page.lines().find_map(|line| line.strip_prefix("user ")).expect("it shows a rule");
    let server = Redis::start_with(&[&["--user"], &rule.split(' ').collect::<Vec<_>>()[..]].concat());
    let uri = format!("redis://limiter:password@127.0.0.1:{}", server.port());
    acceptance::run(&RedisStorage::new(&uri).unwrap(), Time::Own).await;
}
