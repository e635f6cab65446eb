//! Commands that go to all nodes, or to the nodes of some keys.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::join_all;
use redis::{ErrorKind, RedisResult};

use super::{Cluster, slot, topology::Topology};
use crate::storage::redis::{commands, pool::ConnectionPool};

impl Cluster {
    /// Removes keys, which need not exist.
    pub(in super::super) async fn unlink(self: &Arc<Self>, keys: &[String]) -> RedisResult<()> {
        let mut slots: BTreeMap<u16, Vec<&String>> = BTreeMap::new();
        for key in keys {
            slots.entry(slot::of(key)).or_default().push(key);
        }
        let answers =
            slots.into_iter().map(async |(slot, keys)| self.send(slot, &commands::unlink(keys)).await);
        join_all(answers).await.into_iter().try_for_each(|answer| answer.map(drop))
    }

    /// Returns the nodes that have slots.
    pub(in super::super) async fn primaries(self: &Arc<Self>) -> RedisResult<Vec<Arc<ConnectionPool>>> {
        let topology = self.topology().await?;
        topology.primaries().into_iter().map(|address| self.node(address)).collect()
    }

    /// Returns the topology. Waits for a refresh if it is unknown.
    async fn topology(self: &Arc<Self>) -> RedisResult<Arc<Topology>> {
        if self.topology.lock().is_empty() {
            self.refresh_topology()?.outcome().await?;
        }
        Ok(Arc::clone(&self.topology.lock()))
    }
}

/// Checks whether all primaries accept writes. If one of them does not, some requests fail all the time.
pub(in super::super) async fn probe(cluster: &Arc<Cluster>, prefix: &str) -> RedisResult<()> {
    let topology = cluster.topology().await?;
    let keys = key_of_each(&topology, prefix);
    if keys.len() < topology.primaries().len() {
        return Err((ErrorKind::Client, "no key was found for a node").into());
    }
    let answers = keys.into_iter().map(async |key| cluster.send(slot::of(&key), &commands::probe(key)).await);
    join_all(answers).await.into_iter().try_for_each(|answer| answer.map(drop))
}

/// The maximum number of keys that are tried. A node with a single slot has one key in 16384.
const MAX_TRIES: u32 = 1 << 18;

/// Returns a key for each primary.
fn key_of_each(topology: &Topology, prefix: &str) -> Vec<String> {
    let mut left = topology.primaries();
    let mut keys = Vec::with_capacity(left.len());
    for number in 0..MAX_TRIES {
        if left.is_empty() {
            break;
        }
        let key = format!("{prefix}{{{number}}}probe");
        let primary = topology.primary(slot::of(&key));
        if let Some(at) = left.iter().position(|other| Some(*other) == primary) {
            left.swap_remove(at);
            keys.push(key);
        }
    }
    keys
}
