//! The network between a process and the servers.

use std::{
    fmt,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use limiter_core::{
    Timestamp,
    storage::{Answer, Batch, Decision, Hit, Refund, Storage, StorageError},
};
use tokio::{
    sync::oneshot,
    time::{Duration, sleep},
};

use crate::{
    call::Call,
    fleet::Servers,
    scenario::{Planted, Scenario},
};

/// The connections of one life of a process to all servers.
pub(crate) struct Link {
    servers: Arc<Servers>,
    node: usize,
    planted: Planted,
    /// The process has crashed: it sends nothing any more.
    is_dead: AtomicBool,
}

impl Link {
    pub(crate) fn new(servers: Arc<Servers>, node: usize, planted: Planted) -> Self {
        Self { servers, node, planted, is_dead: AtomicBool::new(false) }
    }

    /// Ends the process.
    pub(crate) fn cut(&self) {
        self.is_dead.store(true, Relaxed);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Relaxed)
    }

    /// Sends a call. The network delivers it whether or not the process still waits for the answer.
    async fn send(&self, slot: usize, call: Call) -> Option<Decision> {
        if self.is_dead() {
            return pending().await;
        }
        let (sender, receiver) = oneshot::channel();
        tokio::spawn(deliver(Arc::clone(&self.servers), self.node, slot, Arc::new(call), sender));
        match receiver.await {
            Ok(answer) if !self.is_dead() => answer,
            // No answer comes.
            _ => pending().await,
        }
    }

    async fn refund_all(&self, slot: usize, refunds: &[Refund<'_>]) {
        self.servers.ledger.lock().refunds += 1;
        if self.planted == Planted::RefundsAgain {
            self.send(slot, Call::refund(refunds)).await;
        }
        self.send(slot, Call::refund(refunds)).await;
    }
}

/// Brings a call to its server, and the answer back, if nothing is cut meanwhile.
async fn deliver(
    servers: Arc<Servers>,
    node: usize,
    slot: usize,
    call: Arc<Call>,
    sender: oneshot::Sender<Option<Decision>>,
) {
    if !servers.travel(node, slot).await {
        return;
    }
    let Some(answer) = servers.slots[slot].execute(&call).await else { return };
    if servers.travel(node, slot).await {
        // The process may have given up.
        drop(sender.send(answer));
    }
}

impl Storage for Link {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, _: Timestamp) -> Answer<'a, Decision> {
        Answer::Pending(Box::pin(async move {
            let Some(first) = batch.limits.first() else { return self.probe_first().await };
            self.servers.ledger.lock().calls += 1;
            let slot = self.servers.slot_of(first.key);
            self.send(slot, Call::decide(batch.limits)).await.ok_or_else(|| StorageError::new("no decision"))
        }))
    }

    fn refund<'a>(&'a self, refunds: &'a [Refund<'a>], _: Timestamp) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(async move {
            for slot in 0..self.servers.slots.len() {
                let is_here = |refund: &&Refund<'_>| self.servers.slot_of(refund.hit.key) == slot;
                let here: Vec<_> = refunds.iter().filter(is_here).copied().collect();
                if !here.is_empty() {
                    self.refund_all(slot, &here).await;
                }
            }
            Ok(())
        }))
    }

    fn clear<'a>(&'a self, _: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Ready(Err(StorageError::new("nothing is cleared in a simulation")))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Ready(Err(StorageError::new("nothing is reset in a simulation")))
    }
}

impl Link {
    /// Answers a probe once the way to the first server and back is free.
    async fn probe_first(&self) -> Result<Decision, StorageError> {
        let servers = &self.servers;
        if self.is_dead() || !servers.travel(self.node, 0).await || !servers.travel(self.node, 0).await {
            return pending().await;
        }
        Ok(Decision::new(limiter_core::storage::Verdict::Admitted, [], []))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("node", &self.node).finish_non_exhaustive()
    }
}

/// The state of the way between a process and a server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Way {
    pub(crate) is_cut: bool,
    pub(crate) is_slow: bool,
}

impl Way {
    /// The time that a message takes.
    pub(crate) fn time(self) -> Duration {
        if self.is_slow { Scenario::LATENCY * 50 } else { Scenario::LATENCY }
    }

    /// Waits until a message has arrived. Returns `false` if it is lost.
    pub(crate) async fn travel(self) -> bool {
        sleep(self.time()).await;
        !self.is_cut
    }
}
