//! Several servers, some of which fail.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, MemcachedStorage, Resilient, Storage, StorageError},
};
use limiter_test_servers::Memcached;

use crate::{client::FOR_EVER, on_servers::memcached::server::Administered};

/// So many that each of a few servers has some of them.
const CLIENTS: u32 = 60;

fn storage(servers: &[Memcached]) -> MemcachedStorage {
    let servers: Vec<_> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
    MemcachedStorage::new(&format!("memcached://{}", servers.join(","))).unwrap()
}

/// A hit on two counts of one client; what is left of the first.
async fn hit(storage: &impl Storage, client: u32) -> Result<u64, StorageError> {
    let (one, other, key) =
        (Scope::new(["one"]), Scope::new(["other"]), Key::from(format!("client {client}")));
    let policy = Policy::new(Quota::per_day(10), Strategy::FixedWindow);
    let hits = [Hit::new(&one, &key, &policy), Hit::new(&other, &key, &policy)];
    let decision = storage.decide(&Batch::new(&hits), Timestamp::default()).await?;
    Ok(decision.limits()[0].remaining())
}

#[tokio::test]
async fn all_counts_of_a_client_are_on_one_server() {
    let servers = [(); 3].map(|()| Memcached::start());
    let storage = storage(&servers);
    for client in 0..CLIENTS {
        assert_eq!(hit(&storage, client).await.unwrap(), 9);
    }
    let clients = servers.each_ref().map(|server| {
        let keys = server.keys();
        let (one, other): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.contains(":,one:"));
        assert_eq!(one.len(), other.len(), "{keys:?}");
        one.len()
    });
    assert_eq!(clients.iter().sum::<usize>(), CLIENTS as usize);
    assert!(clients.iter().all(|clients| *clients > 0), "{clients:?}");
}

#[tokio::test]
async fn a_dead_server_is_a_fault_for_its_clients() {
    let mut servers = [(); 3].map(|()| Memcached::start());
    let storage = storage(&servers);
    for client in 0..CLIENTS {
        hit(&storage, client).await.unwrap();
    }
    servers[0].kill();
    assert!(storage.probe().await.is_err());
    let mut failed = 0;
    for client in 0..CLIENTS {
        match hit(&storage, client).await {
            Ok(left) => assert_eq!(left, 8, "the others go on"),
            Err(_) => failed += 1,
        }
    }
    assert!((1..CLIENTS as usize).contains(&failed), "{failed}");
    servers[0].restart();
    storage.probe().await.unwrap();
    let mut left = [0; CLIENTS as usize];
    for (client, left) in (0..CLIENTS).zip(&mut left) {
        *left = hit(&storage, client).await.unwrap();
    }
    assert_eq!(left.iter().filter(|left| **left == 9).count(), failed, "what was lost begins anew");
}

/// The defect: with one of several servers frozen, each of its clients waits for the whole deadline, while the
/// others' successes keep the breaker from opening.
#[tokio::test]
async fn a_frozen_server_is_waited_for_only_a_few_times() {
    let servers = [(); 2].map(|()| Memcached::start());
    // The successes of one server keep the breaker from opening. A server that is well answers within the deadline, however
    // busy the machine is.
    let storage =
        Resilient::new(storage(&servers)).deadline(Duration::from_secs(1)).failures(NonZeroU32::MAX);
    for client in 0..CLIENTS {
        hit(storage.storage(), client).await.unwrap();
    }
    servers[0].freeze();
    let (mut waited, mut failed) = (0, 0);
    let start = Instant::now();
    for client in 0..CLIENTS {
        match hit(&storage, client).await {
            Ok(left) => assert_eq!(left, 8),
            Err(error) if error.to_string().contains("in time") => waited += 1,
            Err(_) => failed += 1,
        }
    }
    // Once on the old connection and once on the new one; that one is tried anew every two seconds.
    let most = 2 + start.elapsed().as_secs() / 2;
    assert!((1..=most).contains(&waited), "{waited}");
    assert!(failed > 5, "{failed}");
    servers[0].thaw();
    let start = Instant::now();
    while storage.probe().await.is_err() {
        assert!(start.elapsed() < FOR_EVER, "it is not asked again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
