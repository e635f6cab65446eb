//! Counts on a cluster: which node is asked for what, and what is done when it is the wrong one.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::{runtime::Handle, time::timeout};

use super::{
    attempt::Attempt,
    call::Call,
    dial::{Dial, Server, Way},
    error,
    line::Lines,
};
use crate::storage::address::Address;

mod batch;
mod node_address;
mod nodes;
mod part;
mod slot;
mod topology;

use self::topology::Topology;
pub(super) use self::{
    batch::{clear, decide, refund},
    nodes::probe,
};

/// The nodes of a cluster.
///
/// Who has which slots is learnt from the first node that answers, and again when a node says otherwise or
/// cannot be reached. The `redis` crate could follow a cluster too, but would then repeat what may have been
/// counted, or not follow at all.
pub(super) struct Cluster {
    seeds: Vec<Address>,
    way: Arc<Way>,
    patience: Duration,
    topology: Mutex<Arc<Topology>>,
    nodes: Mutex<HashMap<Address, Arc<Lines>>>,
    lesson: Mutex<Option<(Instant, Arc<Attempt<()>>)>>,
}

/// How often a command is sent on to another node. Slots that move move once.
const MAX_STEPS: usize = 4;

/// How many nodes are asked in turn which slots they have.
const MAX_ASKED: usize = 8;

/// The shortest time between two looks at who has which slots.
const PAUSE: Duration = Duration::from_millis(200);

/// How many nodes a cluster may have: about as many as one can have.
const MAX_NODES: usize = 1000;

impl Cluster {
    pub(super) fn new(seeds: Vec<Address>, way: Arc<Way>, patience: Duration) -> Self {
        Self {
            seeds,
            way,
            patience,
            topology: Mutex::default(),
            nodes: Mutex::default(),
            lesson: Mutex::default(),
        }
    }

    /// Runs a script whose keys are in this slot.
    pub(super) async fn run(self: &Arc<Self>, slot: u16, call: &Call) -> RedisResult<Value> {
        self.send(slot, &call.by_hash(), Some(call)).await
    }

    /// Sends a command whose keys are in this slot.
    pub(super) async fn ask(self: &Arc<Self>, slot: u16, command: &Cmd) -> RedisResult<Value> {
        self.send(slot, command, None).await
    }

    /// Sends a command on for as long as nodes say that nothing was done and who should do it. Nothing else is
    /// repeated: it may have been counted.
    async fn send(self: &Arc<Self>, slot: u16, command: &Cmd, script: Option<&Call>) -> RedisResult<Value> {
        let (mut address, mut is_sent, mut by_code) = (self.primary(slot).await?, false, None);
        for _ in 0..MAX_STEPS {
            let node = self.node(&address)?;
            let command = by_code.as_ref().unwrap_or(command);
            let unanswered = Unanswered { cluster: self, is_right: false };
            let answer = if is_sent { node.ask_as_sent(command).await } else { node.ask(command).await };
            unanswered.answered(&answer);
            match (Redirection::of(&answer, &address), script) {
                (Redirection::Moved(other), _) => (address, is_sent) = (other, false),
                (Redirection::Ask(other), _) => (address, is_sent) = (other, true),
                (Redirection::ShowScript, Some(call)) => by_code = Some(call.by_code()),
                _ => return answer,
            }
        }
        Err((ErrorKind::ClusterConnectionNotFound, "its nodes send a command in a circle").into())
    }

    /// Who has this slot, as far as is known.
    async fn primary(self: &Arc<Self>, slot: u16) -> RedisResult<Address> {
        if let Some(address) = self.known_primary(slot) {
            return Ok(address);
        }
        self.learn()?.outcome().await?;
        let nobody = (ErrorKind::Server(ServerErrorKind::ClusterDown), "no node has the slot");
        self.known_primary(slot).ok_or_else(|| RedisError::from(nobody))
    }

    fn known_primary(&self, slot: u16) -> Option<Address> {
        self.topology.lock().primary(slot).cloned()
    }

    fn node(&self, address: &Address) -> RedisResult<Arc<Lines>> {
        let mut nodes = self.nodes.lock();
        if let Some(node) = nodes.get(address) {
            return Ok(Arc::clone(node));
        }
        if nodes.len() >= MAX_NODES {
            return Err((ErrorKind::ClusterConnectionNotFound, "the cluster has too many nodes").into());
        }
        let dial = Dial::Server(Server::Tcp(address.clone()), Arc::clone(&self.way));
        let node = Arc::new(Lines::new(dial, self.patience));
        nodes.insert(address.clone(), Arc::clone(&node));
        Ok(node)
    }

    /// Begins to find out who has which slots, unless that is being done or was done just now.
    fn learn(self: &Arc<Self>) -> RedisResult<Arc<Attempt<()>>> {
        let handle = Handle::try_current().map_err(std::io::Error::other)?;
        let mut lesson = self.lesson.lock();
        if let Some((begun, attempt)) = &*lesson
            && (!attempt.has_ended() || begun.elapsed() < PAUSE)
            && !attempt.is_orphan()
        {
            return Ok(Arc::clone(attempt));
        }
        let cluster = Arc::clone(self);
        let attempt = Attempt::begin(&handle, self.patience, async move { cluster.find_out().await });
        let attempt = Arc::new(attempt);
        *lesson = Some((Instant::now(), Arc::clone(&attempt)));
        Ok(attempt)
    }

    /// Asks one node after the other. None may use up the time of the others.
    async fn find_out(&self) -> RedisResult<()> {
        let asked = self.to_be_asked();
        let share = self.patience / u32::try_from(asked.len()).unwrap_or(1).max(1);
        let mut said = String::from("there is none");
        for address in asked {
            let answer = async { self.node(&address)?.ask(redis::cmd("CLUSTER").arg("SLOTS")).await };
            match timeout(share, answer).await {
                Ok(Ok(answer)) => match Topology::read(&answer, &address) {
                    Some(topology) if !topology.is_empty() => {
                        self.remember(topology);
                        return Ok(());
                    }
                    _ => said = format!("{address}: it knows no slots"),
                },
                Ok(Err(error)) => said = format!("{address}: {error}"),
                Err(_) => said = format!("{address}: it did not answer in time"),
            }
        }
        Err((ErrorKind::ClusterConnectionNotFound, "no node could tell the slots; the last one", said).into())
    }

    /// Nodes that had slots, then those that were given at first.
    fn to_be_asked(&self) -> Vec<Address> {
        let topology = Arc::clone(&self.topology.lock());
        let known = topology.primaries().into_iter().cloned();
        let mut asked: Vec<Address> = known.take(MAX_ASKED / 2).collect();
        for seed in &self.seeds {
            if asked.len() < MAX_ASKED && !asked.contains(seed) {
                asked.push(seed.clone());
            }
        }
        asked
    }

    fn remember(&self, topology: Topology) {
        let primaries = topology.primaries();
        // Requests that still wait for one of the others keep it until they are done.
        self.nodes.lock().retain(|address, _| primaries.contains(&address));
        *self.topology.lock() = Arc::new(topology);
    }
}

/// What a node says when nothing was done.
enum Redirection {
    Moved(Address),
    Ask(Address),
    ShowScript,
    None,
}

impl Redirection {
    fn of(answer: &RedisResult<Value>, asked: &Address) -> Self {
        let Err(error) = answer else { return Self::None };
        let address = || error.redirect_node().and_then(|(node, _)| node_address::parse(node, asked));
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::Moved) => address().map_or(Self::None, Self::Moved),
            ErrorKind::Server(ServerErrorKind::Ask) => address().map_or(Self::None, Self::Ask),
            ErrorKind::Server(ServerErrorKind::NoScript) => Self::ShowScript,
            _ => Self::None,
        }
    }
}

/// A command that waits for its answer. When it is given up, or the answer shows that another node should have
/// been asked, somebody else may have the slot by now.
struct Unanswered<'a> {
    cluster: &'a Arc<Cluster>,
    is_right: bool,
}

impl Unanswered<'_> {
    fn answered(mut self, answer: &RedisResult<Value>) {
        self.is_right = !answer.as_ref().is_err_and(error::is_misled);
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.is_right {
            // Where it cannot begin there is no runtime, and nobody who waits for it.
            drop(self.cluster.learn());
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("seeds", &self.seeds).finish_non_exhaustive()
    }
}
