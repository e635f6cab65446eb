//! Faults of a node of a cluster, for counts of all kinds: plain and metered limits, calendar windows, concurrent
//! requests.

use limiter_core::storage::RedisStorage;
use limiter_test_servers::{Cluster, Redis};

use crate::{
    client::Client,
    on_servers::redis::{cluster::client_on, server::Administered},
    suite::places::Places,
    tally::Tally,
};

/// The counts of a client on the first node.
struct Counts {
    /// All kinds that count hits, in one batch. A fault must not part them.
    tally: Tally<Redis>,
    places: Places<Redis>,
}

impl Counts {
    /// A client with two hits and three requests under way.
    async fn start(cluster: &Cluster) -> Self {
        let storage = || RedisStorage::new(&cluster.uri()).unwrap();
        let (key, _) = client_on(cluster, 0);
        let tally = Tally::of(Client::new(storage()).of(key.clone()));
        let mut counts = Self { tally, places: Places::new(storage()).of(key).through_elections() };
        for _ in 0..2 {
            counts.tally.hit().await;
        }
        for _ in 0..3 {
            counts.places.take().await;
        }
        counts
    }

    /// Hits and takes places while the node does not answer. Returns how many places may be taken there.
    async fn fail(&mut self) -> u64 {
        self.tally.fail().await;
        self.places.take_in_vain().await
    }

    /// Checks that nothing is stuck and nothing is there twice, with `lost` places taken in vain.
    async fn check(&mut self, lost: u64) {
        self.tally.client.recover().await;
        for _ in 0..2 {
            self.tally.hit().await;
        }
        self.places.settle(lost).await;
        self.places.fill().await;
        self.places.end().await;
    }
}

#[tokio::test]
async fn a_node_is_frozen_and_thawed() {
    let cluster = Cluster::start();
    let mut counts = Counts::start(&cluster).await;
    cluster.nodes[0].freeze();
    let lost = counts.fail().await;
    cluster.nodes[0].thaw();
    counts.check(lost).await;
}

#[tokio::test]
async fn a_node_is_killed_and_restarted() {
    let mut cluster = Cluster::start();
    let mut counts = Counts::start(&cluster).await;
    cluster.nodes[0].kill();
    counts.fail().await;
    cluster.nodes[0].restart();
    cluster.wait();
    counts.tally.follow_restart();
    counts.check(0).await;
}

#[tokio::test]
async fn a_replica_follows_a_killed_node() {
    let mut cluster = Cluster::start_with_replica();
    let mut counts = Counts::start(&cluster).await;
    cluster.nodes[0].admin().replicated().await;
    cluster.nodes[0].kill();
    counts.fail().await;
    cluster.fail_over();
    counts.places.settle(0).await;
    assert_eq!(counts.places.held(), 3, "the replica has them");
    counts.check(0).await;
}

#[tokio::test]
async fn a_replica_follows_a_frozen_node() {
    let cluster = Cluster::start_with_replica();
    let mut counts = Counts::start(&cluster).await;
    cluster.nodes[0].admin().replicated().await;
    cluster.nodes[0].freeze();
    counts.fail().await;
    cluster.fail_over();
    counts.tally.client.recover().await;
    counts.tally.hit().await;
    counts.places.settle(0).await;
    assert_eq!(counts.places.held(), 3, "the replica has them");
    // What it had in its queue is discarded: it is a replica now.
    cluster.nodes[0].thaw();
    counts.check(0).await;
}
