//! A client of a cluster: it routes commands to nodes, follows redirections and refreshes the topology.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::runtime::Handle;

use super::{
    call::Call,
    connection::{ConnectOptions, Endpoint},
    connector::Connector,
    error,
    pool::ConnectionPool,
    shared_attempt::SharedAttempt,
};
use crate::storage::{
    address::{self, Address},
    background::BackgroundCalls,
    overdue::{self, within},
};

mod batch;
mod node_address;
mod nodes;
mod on_refusal;
mod part;
mod redirection;
mod slot;
mod topology;
mod undo;

pub(super) use self::{
    batch::{clear, decide, refund, renew},
    nodes::probe,
    slot::of as slot_of,
};
use self::{redirection::Redirection, topology::Topology};

/// The nodes of a cluster.
///
/// The first node that answers reports the topology: which node has which slots. The client refreshes it after a
/// redirection and after a lost connection.
///
/// The `redis` crate has a client for clusters, but its redirections and its retries share one budget. So it either
/// repeats commands that may have been counted, or follows no redirection.
pub(super) struct Cluster {
    seeds: Vec<Address>,
    options: Arc<ConnectOptions>,
    connect_timeout: Duration,
    topology: Mutex<Arc<Topology>>,
    nodes: Mutex<HashMap<Address, Arc<ConnectionPool>>>,
    /// The last refresh of the topology, and when it began.
    refresh: Mutex<Option<(Instant, Arc<SharedAttempt<()>>)>>,
    /// Decisions over several slots.
    background: BackgroundCalls,
}

/// Parses any value as a topology, for the check of replies.
#[cfg(feature = "fuzz")]
pub(super) fn parse_topology(answer: &Value) {
    if let Some(topology) = Topology::parse(answer, &Address::new("reporter", 1)) {
        let _ = (topology.primaries(), topology.primary(0), topology.primary(u16::MAX));
    }
}

/// The maximum number of nodes to which a command is sent. A slot that moves causes one redirection.
const MAX_STEPS: usize = 4;

/// The maximum number of nodes that a refresh queries, one after the other.
const MAX_QUERIED: usize = 8;

/// The minimum time between two refreshes.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_millis(200);

/// The maximum number of nodes, about as many as a cluster can have.
const MAX_NODES: usize = 1000;

impl Cluster {
    pub(super) fn new(seeds: Vec<Address>, options: Arc<ConnectOptions>, connect_timeout: Duration) -> Self {
        Self {
            seeds,
            options,
            connect_timeout,
            topology: Mutex::default(),
            nodes: Mutex::default(),
            refresh: Mutex::default(),
            background: BackgroundCalls::new(),
        }
    }

    /// Returns the nodes that the client was given.
    pub(super) fn servers(&self) -> String {
        address::list(&self.seeds)
    }

    /// Runs a script whose keys are in this slot.
    pub(super) async fn run(self: &Arc<Self>, slot: u16, call: &Call) -> RedisResult<Value> {
        self.route(slot, &call.by_hash(), Some(call)).await
    }

    /// Sends a command whose keys are in this slot.
    pub(super) async fn send(self: &Arc<Self>, slot: u16, command: &Cmd) -> RedisResult<Value> {
        self.route(slot, command, None).await
    }

    /// Sends a command and follows redirections.
    ///
    /// A node that redirects a command, or lacks its script, has not run it. Nothing else is repeated, since it may
    /// have been counted.
    async fn route(self: &Arc<Self>, slot: u16, command: &Cmd, script: Option<&Call>) -> RedisResult<Value> {
        let (mut address, mut is_asking, mut by_code) = (self.primary(slot).await?, false, None);
        for _ in 0..MAX_STEPS {
            let node = self.node(&address)?;
            let command = by_code.as_ref().unwrap_or(command);
            let routed = RoutedCommand { cluster: self, is_routed_right: None };
            let answer = if is_asking { node.send_asking(command).await } else { node.send(command).await };
            routed.answered(&answer);
            match (Redirection::of(&answer, &address), script) {
                (Redirection::Moved(other), _) => (address, is_asking) = (other, false),
                (Redirection::Ask(other), _) => (address, is_asking) = (other, true),
                (Redirection::NoScript, Some(call)) => by_code = Some(call.by_code()),
                _ => return answer,
            }
        }
        Err((ErrorKind::ClusterConnectionNotFound, "the nodes redirect a command in a circle").into())
    }

    /// Returns the primary of this slot. Waits for a refresh if it is unknown.
    async fn primary(self: &Arc<Self>, slot: u16) -> RedisResult<Address> {
        if let Some(address) = self.known_primary(slot) {
            return Ok(address);
        }
        self.refresh_topology()?.outcome().await?;
        let missing = (ErrorKind::Server(ServerErrorKind::ClusterDown), "no node has the slot");
        self.known_primary(slot).ok_or_else(|| RedisError::from(missing))
    }

    fn known_primary(&self, slot: u16) -> Option<Address> {
        self.topology.lock().primary(slot).cloned()
    }

    /// Returns the connections to a node.
    fn node(&self, address: &Address) -> RedisResult<Arc<ConnectionPool>> {
        let mut nodes = self.nodes.lock();
        if let Some(node) = nodes.get(address) {
            return Ok(Arc::clone(node));
        }
        if nodes.len() >= MAX_NODES {
            return Err((ErrorKind::ClusterConnectionNotFound, "the cluster has too many nodes").into());
        }
        let connector = Connector::Server(Endpoint::Tcp(address.clone()), Arc::clone(&self.options));
        let node = Arc::new(ConnectionPool::new(connector, self.connect_timeout));
        nodes.insert(address.clone(), Arc::clone(&node));
        Ok(node)
    }

    /// Begins to refresh the topology, unless a refresh is running or began just now.
    fn refresh_topology(self: &Arc<Self>) -> RedisResult<Arc<SharedAttempt<()>>> {
        let handle = Handle::try_current().map_err(std::io::Error::other)?;
        let mut refresh = self.refresh.lock();
        if let Some((begun, attempt)) = &*refresh
            && (!attempt.has_ended() || begun.elapsed() < MIN_REFRESH_INTERVAL)
            && !attempt.is_orphan()
        {
            return Ok(Arc::clone(attempt));
        }
        let cluster = Arc::clone(self);
        let attempt =
            SharedAttempt::begin(
                &handle,
                self.connect_timeout,
                async move { cluster.query_topology().await },
            );
        let attempt = Arc::new(attempt);
        *refresh = Some((Instant::now(), Arc::clone(&attempt)));
        Ok(attempt)
    }

    /// Queries one node after the other for the topology. Each has an equal share of the time.
    async fn query_topology(&self) -> RedisResult<()> {
        let candidates = self.topology_sources();
        let share = self.connect_timeout / u32::try_from(candidates.len()).unwrap_or(1).max(1);
        let mut last_error = String::from("there is no node");
        for address in candidates {
            let answer = async { self.node(&address)?.send(redis::cmd("CLUSTER").arg("SLOTS")).await };
            match within(share, answer).await {
                Some(Ok(answer)) => match Topology::parse(&answer, &address) {
                    Some(topology) if !topology.is_empty() => {
                        self.set_topology(topology);
                        return Ok(());
                    }
                    _ => last_error = format!("{address}: it reports no slots"),
                },
                Some(Err(error)) => last_error = format!("{address}: {error}"),
                None => last_error = format!("{address}: it did not answer in time"),
            }
        }
        let message = "no node reports the slots; the last error is";
        Err((ErrorKind::ClusterConnectionNotFound, message, last_error).into())
    }

    /// Returns the nodes to query: some that had slots, then the seeds.
    fn topology_sources(&self) -> Vec<Address> {
        let topology = Arc::clone(&self.topology.lock());
        let known = topology.primaries().into_iter().cloned();
        let mut sources: Vec<Address> = known.take(MAX_QUERIED / 2).collect();
        for seed in &self.seeds {
            if sources.len() < MAX_QUERIED && !sources.contains(seed) {
                sources.push(seed.clone());
            }
        }
        sources
    }

    fn set_topology(&self, topology: Topology) {
        let primaries = topology.primaries();
        // Requests that still wait for another node keep its connections until they end.
        self.nodes.lock().retain(|address, _| primaries.contains(&address));
        *self.topology.lock() = Arc::new(topology);
    }
}

/// A command that waits for its answer from a node.
///
/// If its deadline runs out, or the answer shows that the node was the wrong one, the topology may have changed.
/// Dropping this refreshes it. A client that goes away shows nothing.
struct RoutedCommand<'a> {
    cluster: &'a Arc<Cluster>,
    /// Set if the answer shows whether the node was the right one.
    is_routed_right: Option<bool>,
}

impl RoutedCommand<'_> {
    fn answered(mut self, answer: &RedisResult<Value>) {
        self.is_routed_right = Some(!answer.as_ref().is_err_and(error::is_misrouted));
    }
}

impl Drop for RoutedCommand<'_> {
    fn drop(&mut self) {
        if !self.is_routed_right.unwrap_or(!overdue::is_dropping()) {
            // It fails only without a runtime, where no request waits for the refresh.
            drop(self.cluster.refresh_topology());
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("seeds", &self.seeds).finish_non_exhaustive()
    }
}
