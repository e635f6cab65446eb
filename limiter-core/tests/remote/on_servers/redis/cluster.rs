//! A cluster: whole, while slots move, and while nodes are missing.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    acceptance::{self, Time},
    storage::{Batch, Hit, RedisStorage, Resilient, Storage, StorageError},
};
use limiter_test_servers::{Cluster, Redis, free_port};
use redis::cmd;

use crate::{
    client::{FOR_EVER, PATIENCE, in_time},
    on_servers::redis::server::Administered,
    suite::{
        abandoned::Counted,
        exact, kinds, plain_thread,
        refusals::expect_error,
        vectors::{CONTRACT, agree},
    },
};

fn storage(cluster: &Cluster) -> RedisStorage {
    RedisStorage::new(&cluster.uri()).unwrap()
}

#[tokio::test]
async fn passes_the_tests_of_all_storages() {
    let cluster = Cluster::start();
    let resolution = Duration::from_micros(1);
    acceptance::run(&storage(&cluster).use_caller_clock(), Time::Callers { resolution }).await;
    // One node is enough to find the others.
    let uri = format!("valkey+cluster://127.0.0.1:{}?protocol=resp3", cluster.nodes[1].port());
    acceptance::run_shared(&RedisStorage::new(&uri).unwrap(), Time::Own).await;
    let has_decided = |node: &Redis| node.admin().info("commandstats").contains("cmdstat_evalsha");
    assert!(cluster.nodes.iter().all(has_decided), "all nodes were asked");
}

#[tokio::test]
async fn agrees_with_the_contract() {
    let cluster = Cluster::start();
    assert_eq!(agree(&storage(&cluster).use_caller_clock(), CONTRACT).await, 300);
}

#[tokio::test]
async fn kinds_of_limits_agree_with_naive_models() {
    let cluster = Cluster::start();
    assert_eq!(
        kinds::agree(&storage(&cluster).use_caller_clock()).await,
        kinds::Ran::expected(&Strategy::ALL, true)
    );
}

#[test]
fn eight_processes_with_batches_over_three_slots() {
    exact::admit_the_limit::<Redis>(&Cluster::start().uri(), 3);
}

/// Returns a client whose counts are on this node, and their slot, by the slots a new cluster has.
pub(crate) fn client_on(cluster: &Cluster, node: usize) -> (Key, u16) {
    clients_on(cluster, node).next().expect("every node has slots")
}

/// All such clients.
pub(crate) fn clients_on(cluster: &Cluster, node: usize) -> impl Iterator<Item = (Key, u16)> {
    let mut admin = cluster.nodes[0].admin();
    let slots = [0..=5460, 5461..=10922, 10923..=16383];
    let scope = Scope::new(["any"]);
    let policy = Policy::new(Quota::per_day(1), Strategy::FixedWindow);
    (0..).filter_map(move |number: u64| {
        let key = Key::text("client", number.to_string());
        let name = limiter_core::CountName::of(&Hit::new(&scope, &key, &policy));
        let tag = format!("{{{}}}", name.client());
        let slot = admin.run(cmd("CLUSTER").arg("KEYSLOT").arg(tag));
        slots[node].contains(&slot).then_some((key, slot))
    })
}

/// Two limits of one client, and where they are.
struct TwoLimits {
    /// Each has a key of its own.
    scopes: [Scope; 2],
    key: Key,
    policy: Policy,
    slot: u16,
    node: usize,
}

impl TwoLimits {
    /// A client whose counts are on this node.
    fn on(cluster: &Cluster, node: usize) -> Self {
        let (key, slot) = client_on(cluster, node);
        let scopes = ["cluster", "other"].map(|name| Scope::new([name]));
        let policy = Policy::new(Quota::per_day(1_000_000), Strategy::FixedWindow);
        Self { scopes, key, policy, slot, node }
    }

    /// Hits the first `limits`; returns how much of the first has been used.
    async fn hit(&self, storage: &impl Storage, limits: usize) -> Result<u64, StorageError> {
        let hits: Vec<_> =
            self.scopes[..limits].iter().map(|it| Hit::new(it, &self.key, &self.policy)).collect();
        let decision = storage.decide(&Batch::new(&hits), Timestamp::default()).await?;
        Ok(1_000_000 - decision.limits()[0].remaining())
    }

    /// The keys of its counts.
    fn keys(&self, cluster: &Cluster) -> Vec<String> {
        cluster.nodes[self.node].admin().keys()
    }
}

/// Returns how often a node has answered with this error.
fn answered(node: &Redis, error: &str) -> u64 {
    let info = node.admin().info("errorstats");
    let prefix = format!("errorstat_{error}:count=");
    info.lines().find_map(|line| line.strip_prefix(&prefix)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test]
async fn hits_follow_a_slot_that_moves() {
    let cluster = Cluster::start();
    let (storage, counted) = (storage(&cluster), TwoLimits::on(&cluster, 0));
    let [old, new] = [&cluster.nodes[0], &cluster.nodes[2]];
    assert_eq!(counted.hit(&storage, 1).await.unwrap(), 1);
    let keys = counted.keys(&cluster);
    assert_eq!(keys.len(), 1);

    cluster.begin_to_move(counted.slot, 0, 2);
    assert_eq!(counted.hit(&storage, 1).await.unwrap(), 2, "it is still there");
    cluster.move_key(&keys[0], 0, 2);
    assert_eq!(counted.hit(&storage, 1).await.unwrap(), 3);
    assert_eq!(counted.hit(&storage, 1).await.unwrap(), 4);
    assert!(answered(old, "ASK") >= 2);

    cluster.end_move(counted.slot, 2);
    assert_eq!(counted.hit(&storage, 1).await.unwrap(), 5);
    assert!(answered(old, "MOVED") >= 1);
    let mut used = 5;
    let start = Instant::now();
    loop {
        let before = answered(old, "MOVED");
        used += 1;
        assert_eq!(counted.hit(&storage, 1).await.unwrap(), used);
        if answered(old, "MOVED") == before {
            break;
        }
        assert!(start.elapsed() < FOR_EVER, "it never learns where the slot is");
    }
    assert_eq!(answered(new, "MOVED"), 0);
}

#[tokio::test]
async fn a_client_that_is_half_moved_is_an_error() {
    let cluster = Cluster::start();
    let (storage, counted) = (storage(&cluster), TwoLimits::on(&cluster, 1));
    assert_eq!(counted.hit(&storage, 1).await.unwrap(), 1);
    let keys = counted.keys(&cluster);
    assert_eq!(counted.hit(&storage, 2).await.unwrap(), 2);
    cluster.begin_to_move(counted.slot, 1, 0);
    cluster.move_key(&keys[0], 1, 0);
    let error = counted.hit(&storage, 2).await.unwrap_err();
    assert!(error.to_string().contains("being moved"), "{error}");
    assert_eq!(counted.hit(&storage, 1).await.unwrap(), 3, "nothing was done");
}

#[tokio::test]
async fn other_nodes_go_on_when_a_primary_is_killed() {
    let mut cluster = Cluster::start();
    let storage = storage(&cluster);
    let [first, second] = [0, 1].map(|node| TwoLimits::on(&cluster, node));
    assert_eq!(first.hit(&storage, 1).await.unwrap(), 1);
    assert_eq!(second.hit(&storage, 1).await.unwrap(), 1);
    cluster.nodes[0].kill();
    for used in 2..5 {
        let error = first.hit(&storage, 1).await.unwrap_err();
        assert!(error.source().is_some(), "{error}");
        assert_eq!(second.hit(&storage, 1).await.unwrap(), used, "other nodes go on");
    }
    assert!(storage.probe().await.is_err());
    cluster.nodes[0].restart();
    cluster.wait();
    let start = Instant::now();
    while let Err(error) = storage.probe().await {
        assert!(start.elapsed() < FOR_EVER, "{error:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(first.hit(&storage, 1).await.unwrap(), 1, "its counts were lost with it");
    assert_eq!(second.hit(&storage, 1).await.unwrap(), 5);
}

#[tokio::test]
async fn a_replica_follows_a_killed_primary() {
    is_replaced(|primary| primary.kill()).await;
}

/// The defect: a node that does not answer is queried again and again, since nothing shows that it was replaced.
#[tokio::test]
async fn a_replica_follows_a_frozen_primary() {
    is_replaced(|primary| primary.freeze()).await;
}

async fn is_replaced(harm: impl FnOnce(&mut Redis)) {
    let mut cluster = Cluster::start_with_replica();
    let storage = Arc::new(storage(&cluster));
    let patient = Resilient::new(Arc::clone(&storage)).deadline(PATIENCE);
    let prompt = Resilient::new(storage);
    let counted = TwoLimits::on(&cluster, 0);
    assert_eq!(counted.hit(&patient, 1).await.unwrap(), 1);
    harm(&mut cluster.nodes[0]);
    assert!(in_time(counted.hit(&prompt, 1)).await.is_err());
    cluster.fail_over();
    let (start, mut failed) = (Instant::now(), 0);
    let used = loop {
        if let Ok(used) = in_time(counted.hit(&prompt, 1)).await {
            break used;
        }
        // It may be late and count.
        failed += 1;
        assert!(start.elapsed() < FOR_EVER, "the replica is not found");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let most = 2 + failed;
    assert!((1..=most).contains(&used), "the replica has the count, or had no time to hear of it: {used}");
    assert_eq!(counted.hit(&patient, 1).await.unwrap(), used + 1);
}

#[tokio::test]
async fn errors_name_what_is_no_cluster() {
    let server = Redis::start();
    let storage = |port: u16| RedisStorage::new(&format!("redis+cluster://127.0.0.1:{port}")).unwrap();
    expect_error(&storage(server.port()), "no node of the Redis cluster").await;
    expect_error(&storage(server.port()), "cluster support disabled").await;
    let nobody = free_port();
    expect_error(&storage(nobody), "no node of the Redis cluster").await;
    expect_error(&storage(nobody), "refused").await;
    let node = Redis::start_with(&["--cluster-enabled", "yes"]);
    expect_error(&storage(node.port()), "reports no slots").await;
    let secret = Redis::start_with(&["--cluster-enabled", "yes", "--requirepass", "right"]);
    expect_error(&storage(secret.port()), "NOAUTH").await;
}

/// The defect: each dropped call made the client query the nodes again, and replaced connections.
#[tokio::test]
async fn dropped_calls_disturb_nobody() {
    let cluster = Cluster::start();
    let counted = Counted::new(storage(&cluster));
    counted.spend().await;
    let before: Vec<_> = cluster.nodes.iter().map(|node| node.admin().connections()).collect();
    counted.drop_calls("attacker").await;
    for (node, before) in cluster.nodes.iter().zip(before) {
        assert_eq!(node.admin().connections(), before + 1, "only that of the administrator is new");
    }
}

#[test]
fn no_call_panics_outside_of_a_runtime() {
    let cluster = Cluster::start();
    plain_thread::check(&storage(&cluster));
    plain_thread::check_resilient(storage(&cluster));
}
