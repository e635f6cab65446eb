//! Behind sentinels, which name another primary in the middle.

use std::time::{Duration, Instant};

use limiter_core::{
    acceptance::{self, Time},
    storage::{RedisStorage, Storage},
};
use limiter_test_servers::{Redis, Sentinel, free_port};

use crate::{
    client::Client,
    redis::server::Administered,
    suite::{
        abandoned::Counted,
        plain_thread,
        refusals::{error_of, expect_error},
    },
};

/// With passwords of both kinds, and a failover that nobody noticed from a fault.
#[tokio::test]
async fn passes_the_tests_of_all_storages_before_and_after_a_failover() {
    let options = ["--requirepass", "ours", "--masterauth", "ours"];
    let lines = ["sentinel auth-pass main ours", "user limiter on >theirs +@all"];
    let servers = Sentinel::start_with(&options, &lines);
    let uri = servers.uri().replace("redis+sentinel://", "valkey+sentinel://:ours@") + "/3";
    let storage = RedisStorage::builder(&uri)
        .sentinel_credentials("limiter", "theirs")
        .build()
        .expect("it is an address");
    acceptance::run_shared(&storage, Time::Own).await;
    servers.fail_over();
    recovers(&storage).await;
    acceptance::run_shared(&storage, Time::Own).await;

    let wrong = RedisStorage::new(&format!("{uri}?sentinel_user=limiter&sentinel_pass=ours")).unwrap();
    let error = error_of(&wrong).await;
    assert!(
        error.contains("no sentinel led to a primary") && error.contains("authentication failed"),
        "{error}"
    );
}

/// One request, or a few, may reach the old primary, which is a replica now, or its closed port.
async fn recovers(storage: &RedisStorage) {
    let start = Instant::now();
    while let Err(error) = storage.probe().await {
        assert!(start.elapsed() < Duration::from_secs(10), "the new primary was not found: {error:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_replica_follows_a_killed_primary() {
    let mut servers = Sentinel::start();
    let client = Client::new(RedisStorage::new(&servers.uri()).unwrap());
    assert_eq!(client.hit().await.unwrap(), 1);
    assert_eq!(client.hit().await.unwrap(), 2);
    // Asynchronous replication is quick, but not instant.
    replicated(&servers.servers[0]).await;
    servers.servers[0].kill();
    client.fail().await;
    servers.wait_for_failover();
    client.recover().await;
    assert_eq!(client.hit().await.unwrap(), 3, "the replica had the count");
    // The old one comes back, as a replica.
    servers.servers[0].restart();
    assert_eq!(client.hit().await.unwrap(), 4);
}

#[tokio::test]
async fn a_replica_follows_a_frozen_primary_beside_a_frozen_sentinel() {
    let servers = Sentinel::start();
    let client = Client::new(RedisStorage::new(&servers.uri()).unwrap());
    assert_eq!(client.hit().await.unwrap(), 1);
    servers.servers[0].freeze();
    client.fail().await;
    servers.wait_for_failover();
    // The one that was used before; the others still know.
    servers.freeze_sentinel(0);
    client.recover().await;
    let used = client.hit().await.unwrap();
    servers.servers[0].thaw();
    assert_eq!(client.hit().await.unwrap(), used + 1, "the old primary is not believed");
}

#[tokio::test]
async fn errors_name_what_sentinels_do_not_know() {
    let servers = Sentinel::start();
    let unknown = RedisStorage::new(&servers.uri().replace("/main", "/other")).unwrap();
    expect_error(&unknown, "no sentinel monitors a primary of this name").await;
    let nobody = RedisStorage::new(&format!("redis+sentinel://127.0.0.1:{}/main", free_port())).unwrap();
    expect_error(&nobody, "no sentinel led to a primary").await;
}

/// Waits until the replica has received all writes of the primary.
async fn replicated(primary: &Redis) {
    let start = Instant::now();
    let mut admin = primary.admin();
    loop {
        let info = admin.info("replication");
        let number = |name: &str| {
            let (_, rest) = info.split_once(name).expect("the primary says so");
            rest.split(['\r', ',']).next().map(ToOwned::to_owned)
        };
        if number("master_repl_offset:") == number(",offset=") {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "the replica hears nothing: {info}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn dropped_calls_disturb_nobody() {
    let servers = Sentinel::start();
    let counted = Counted::new(RedisStorage::new(&servers.uri()).unwrap());
    counted.spend().await;
    let before = servers.servers[0].admin().connections();
    counted.drop_calls("attacker").await;
    assert_eq!(servers.servers[0].admin().connections(), before + 1, "only that of the administrator is new");
}

#[test]
fn no_call_panics_outside_of_a_runtime() {
    let servers = Sentinel::start();
    plain_thread::check(&RedisStorage::new(&servers.uri()).unwrap());
    plain_thread::check_resilient(RedisStorage::new(&servers.uri()).unwrap());
}
