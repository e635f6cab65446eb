//! The servers, by shard: a primary and its replica, each behind a proxy.

use std::time::{Duration, Instant};

use limiter_test_servers::{Cluster, Proxy, Redis, Sentinel};

/// The servers of a topology.
pub(super) struct Servers {
    topology: Topology,
    /// Since when both servers under Sentinel take themselves for the primary.
    divided_since: Option<Instant>,
}

#[expect(clippy::large_enum_variant, reason = "there is one")]
enum Topology {
    Cluster(Cluster),
    Sentinel(Sentinel),
}

/// Sentinels name the primary of before for up to a second after a promotion.
const STABLE: Duration = Duration::from_secs(2);

impl Servers {
    pub(super) async fn cluster() -> Self {
        Self::new(Topology::Cluster(Cluster::start_behind_proxies().await))
    }

    pub(super) async fn sentinel() -> Self {
        Self::new(Topology::Sentinel(Sentinel::start_behind_proxies().await))
    }

    fn new(topology: Topology) -> Self {
        Self { topology, divided_since: None }
    }

    pub(super) fn uri(&self) -> String {
        match &self.topology {
            Topology::Cluster(cluster) => cluster.uri(),
            Topology::Sentinel(sentinel) => sentinel.uri(),
        }
    }

    /// The number of shards.
    pub(super) fn shards(&self) -> usize {
        match &self.topology {
            Topology::Cluster(cluster) => cluster.nodes.len() / 2,
            Topology::Sentinel(_) => 1,
        }
    }

    /// A server of a shard, by its place: 0 was its first primary, and 1 its replica.
    pub(super) fn node(&self, shard: usize, place: usize) -> &Redis {
        let number = shard + place * self.shards();
        match &self.topology {
            Topology::Cluster(cluster) => &cluster.nodes[number],
            Topology::Sentinel(sentinel) => &sentinel.servers[number],
        }
    }

    pub(super) fn node_mut(&mut self, shard: usize, place: usize) -> &mut Redis {
        let number = shard + place * self.shards();
        match &mut self.topology {
            Topology::Cluster(cluster) => &mut cluster.nodes[number],
            Topology::Sentinel(sentinel) => &mut sentinel.servers[number],
        }
    }

    pub(super) fn proxy(&self, shard: usize, place: usize) -> &Proxy {
        let number = shard + place * self.shards();
        match &self.topology {
            Topology::Cluster(cluster) => &cluster.proxies[number],
            Topology::Sentinel(sentinel) => &sentinel.proxies[number],
        }
    }

    pub(super) fn sentinels(&self) -> Option<&Sentinel> {
        match &self.topology {
            Topology::Cluster(_) => None,
            Topology::Sentinel(sentinel) => Some(sentinel),
        }
    }

    /// Whether a server that loses its data is still its shard's primary. Under Sentinel, the replica is started as a replica,
    /// so that nobody would be the primary for half a minute.
    pub(super) fn restarts_as_primary(&self, place: usize) -> bool {
        place == 0 || self.sentinels().is_none()
    }

    /// Whether no promotion is under way. One that has begun under a fault ends after it.
    pub(super) fn are_calm(&self) -> bool {
        self.sentinels().is_none_or(Sentinel::is_calm)
    }

    /// Whether both servers of a shard take themselves for the primary.
    pub(super) fn are_divided(&self, shard: usize) -> bool {
        let is_primary = |node: &Redis| node.info("replication").is_some_and(|it| it.contains("role:master"));
        [0, 1].into_iter().all(|place| is_primary(self.node(shard, place)))
    }

    /// Demotes a primary that has come back, as sentinels do after 8 seconds.
    pub(super) fn demote_returned(&mut self) {
        let Topology::Sentinel(sentinel) = &self.topology else { return };
        if !self.are_divided(0) {
            self.divided_since = None;
            return;
        }
        let since = *self.divided_since.get_or_insert_with(Instant::now);
        if let Some(primary) = sentinel.primary().filter(|_| since.elapsed() > STABLE) {
            sentinel.demote(1 - primary);
            self.divided_since = None;
        }
    }
}
