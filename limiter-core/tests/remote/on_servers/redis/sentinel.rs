//! Behind sentinels, which name another primary in the middle.

use std::time::{Duration, Instant};

use limiter_core::{
    acceptance::{self, Time},
    storage::{RedisStorage, Storage},
};
use limiter_test_servers::{Redis, Sentinel, free_port};
use redis::cmd;

use crate::{
    client::{Client, FOR_EVER},
    on_servers::redis::server::{Admin, Administered},
    suite::{
        abandoned::Counted,
        places::{PLACES, Places},
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
    // The old primary still takes writes, until sentinels demote it after 8 seconds, in the middle of what follows.
    let [old, new] = servers.servers.each_ref().map(Redis::port);
    let mut old = Admin::open(&format!("redis://:ours@127.0.0.1:{old}"));
    old.run::<()>(cmd("REPLICAOF").arg("127.0.0.1").arg(new));
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
        assert!(start.elapsed() < FOR_EVER, "the new primary was not found: {error:?}");
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
    servers.servers[0].admin().replicated().await;
    servers.servers[0].kill();
    client.fail().await;
    servers.fail_over();
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
    servers.fail_over();
    // The one that was used before; the others still know.
    servers.freeze_sentinel(0);
    client.recover().await;
    let used = client.hit().await.unwrap();
    servers.servers[0].thaw();
    assert_eq!(client.hit().await.unwrap(), used + 1, "the old primary is not believed");
}

fn places(servers: &Sentinel) -> Places<Redis> {
    Places::new(RedisStorage::new(&servers.uri()).unwrap()).through_elections()
}

#[tokio::test]
async fn places_survive_the_death_of_the_primary() {
    let mut servers = Sentinel::start();
    let mut places = places(&servers);
    for _ in 0..3 {
        places.take().await;
    }
    servers.servers[0].admin().replicated().await;
    servers.servers[0].kill();
    places.take_in_vain().await;
    servers.fail_over();
    places.settle(0).await;
    assert_eq!(places.held(), 3, "the replica has them");
    places.fill().await;
    assert_eq!(places.held(), PLACES, "each is taken once");
    // The old one comes back, as a replica.
    servers.servers[0].restart();
    assert_eq!(places.taken().await, PLACES);
    places.end().await;
}

#[tokio::test]
async fn places_survive_a_frozen_primary() {
    let servers = Sentinel::start();
    let mut places = places(&servers);
    for _ in 0..3 {
        places.take().await;
    }
    servers.servers[0].admin().replicated().await;
    servers.servers[0].freeze();
    places.take_in_vain().await;
    servers.fail_over();
    places.settle(0).await;
    servers.servers[0].thaw();
    assert_eq!((places.held(), places.taken().await), (3, 3), "the old primary is not believed");
    places.end().await;
}

/// What the documentation states: a lease that a failover loses is as one that has ended.
#[tokio::test]
async fn a_place_that_the_replica_lacks_is_free_for_others() {
    let mut servers = Sentinel::start();
    let mut places = places(&servers);
    while places.held() < PLACES - 1 {
        places.take().await;
    }
    let mut primary = servers.servers[0].admin();
    primary.replicated().await;
    servers.servers[1].freeze();
    // The next write is not even in a buffer for the replica.
    assert_eq!(primary.run::<u64>(cmd("CLIENT").arg("KILL").arg("TYPE").arg("replica")), 1);
    places.take().await;
    servers.servers[0].kill();
    servers.servers[1].thaw();
    places.take_in_vain().await;
    servers.fail_over();
    places.recover().await;
    assert_eq!((places.held(), places.taken().await), (PLACES, PLACES - 1));
    places.take().await;
    places.renew().await;
    assert_eq!((places.held(), places.taken().await), (PLACES, PLACES), "one has ended, none is there twice");
    places.end().await;
}

#[tokio::test]
async fn errors_name_what_sentinels_do_not_know() {
    let servers = Sentinel::start();
    let unknown = RedisStorage::new(&servers.uri().replace("/main", "/other")).unwrap();
    expect_error(&unknown, "no sentinel monitors a primary of this name").await;
    let nobody = RedisStorage::new(&format!("redis+sentinel://127.0.0.1:{}/main", free_port())).unwrap();
    expect_error(&nobody, "no sentinel led to a primary").await;
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
