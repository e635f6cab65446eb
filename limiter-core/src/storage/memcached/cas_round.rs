//! Rounds of operations that run together: read all counts, run the operations on copies, write the copies back
//! by compare-and-swap, and start over if another process has changed a count in between.

use std::{collections::hash_map::RandomState, hash::BuildHasher, mem, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::sleep;

use super::{
    connection::RuntimeConnection,
    error::MemcachedError,
    operation::Operation,
    protocol::{Commands, Reply},
    queue::{DecisionSender, QueuedOperation},
    servers::Servers,
    working_set::WorkingSet,
};
use crate::storage::Decision;

/// The maximum number of attempts to write the counts of a round.
const MAX_ATTEMPTS: u32 = 64;

/// The longest pause between two attempts in milliseconds. Pauses are random, up to a bound that doubles.
const MAX_PAUSE: u64 = 16;

/// Operations that run together. Dropping the round frees their counts for others.
pub(super) struct CasRound {
    servers: Arc<Servers>,
    operations: Vec<Operation>,
    senders: Vec<DecisionSender>,
}

/// Runs a round, then the rounds of the operations that have queued meanwhile, until none is left.
pub(super) async fn run(mut round: CasRound) {
    while !round.operations.is_empty() {
        round.settle().await;
        round = round.next();
    }
}

impl CasRound {
    pub(super) fn new(servers: Arc<Servers>, operations: Vec<QueuedOperation>) -> Self {
        let (operations, senders) = operations.into_iter().unzip();
        Self { servers, operations, senders }
    }

    /// Runs all operations and sends their decisions. Goes on to the end if requests are dropped: their commands are
    /// on the way, and a batch must not stay half written.
    async fn settle(&mut self) {
        let senders = mem::take(&mut self.senders);
        // Sending fails if the request was dropped.
        match attempt_all(&self.servers, &self.operations).await {
            Ok(decisions) => {
                for (sender, decision) in senders.into_iter().zip(decisions) {
                    let _ = sender.send(Ok(decision));
                }
            }
            Err(error) => {
                for sender in senders {
                    let _ = sender.send(Err(error.clone()));
                }
            }
        }
    }

    fn next(mut self) -> Self {
        let next = self.leave();
        Self::new(Arc::clone(&self.servers), next)
    }

    fn leave(&mut self) -> Vec<QueuedOperation> {
        let operations = mem::take(&mut self.operations);
        let keys = operations.iter().flat_map(Operation::hits).map(|hit| &hit.key);
        self.servers.queue.lock().leave(keys)
    }
}

/// If the runtime ends in the middle of a round, the operations that wait for its counts fail.
impl Drop for CasRound {
    fn drop(&mut self) {
        while !self.operations.is_empty() {
            self.operations = self.leave().into_iter().map(|(operation, _)| operation).collect();
        }
    }
}

/// Runs the operations one after the other on copies of their counts, until the copies are written back.
async fn attempt_all(servers: &Servers, operations: &[Operation]) -> Result<Vec<Decision>, MemcachedError> {
    let mut counts = WorkingSet::default();
    let places: Vec<Vec<_>> =
        operations.iter().map(|it| it.hits().iter().map(|hit| counts.place(hit)).collect()).collect();
    let connections = RoundConnections::open(servers, operations)?;
    for attempt in 0..MAX_ATTEMPTS {
        pause_before(attempt).await;
        counts.read(connections.send(counts.read_commands()).await?)?;
        let decisions =
            operations.iter().zip(&places).map(|(it, places)| it.run(&mut counts, places)).collect();
        match counts.finish_write(connections.send(counts.write_commands()).await?) {
            Ok(true) => return Ok(decisions),
            Ok(false) => {}
            Err(error) => {
                connections.send(counts.undo_commands()).await?;
                return Err(error);
            }
        }
    }
    connections.send(counts.undo_commands()).await?;
    Err(MemcachedError::CONTENDED)
}

/// Waits before an attempt. The first retry follows at once, since usually one other process was faster. Later
/// ones wait a random time, so that processes do not collide again.
pub(super) async fn pause_before(attempt: u32) {
    if attempt > 1 {
        let max = (1 << (attempt - 1).min(10)).min(MAX_PAUSE);
        let millis = RandomState::new().hash_one(attempt) % (max + 1);
        sleep(Duration::from_millis(millis)).await;
    }
}

/// The connections of one round. It uses the same ones to its end: a version is valid only on the connection where
/// it was read, since a restarted server counts versions from 1.
struct RoundConnections<'a> {
    servers: &'a Servers,
    /// By the index of the server.
    connections: Vec<Option<Arc<RuntimeConnection>>>,
}

impl<'a> RoundConnections<'a> {
    fn open(servers: &'a Servers, operations: &[Operation]) -> Result<Self, MemcachedError> {
        let mut connections: Vec<Option<Arc<RuntimeConnection>>> = vec![None; servers.connections.len()];
        for hit in operations.iter().flat_map(Operation::hits) {
            if connections[hit.server].is_none() {
                connections[hit.server] = Some(servers.connections[hit.server].get()?);
            }
        }
        Ok(Self { servers, connections })
    }

    /// Sends each server its commands, all servers at once; returns the replies by count, in the order of `commands`.
    async fn send(&self, commands: Vec<(usize, Commands)>) -> Result<Vec<Vec<Reply>>, MemcachedError> {
        let mut of_server: Vec<Commands> = self.connections.iter().map(|_| Commands::default()).collect();
        let order: Vec<_> = commands.iter().map(|(server, commands)| (*server, commands.replies)).collect();
        for (server, commands) in commands {
            of_server[server].text.push_str(&commands.text);
            of_server[server].replies += commands.replies;
        }
        let send = |(server, commands): (usize, Commands)| async move {
            match &self.connections[server] {
                Some(connection) if commands.replies > 0 => {
                    self.servers.connections[server].send(connection, commands).await
                }
                _ => Ok(Vec::new()),
            }
        };
        // Waits for all, even if one fails: the others may have written something to undo.
        let replies = join_all(of_server.into_iter().enumerate().map(send)).await;
        let mut replies: Vec<_> =
            replies.into_iter().map(|it| it.map(Vec::into_iter)).collect::<Result<_, _>>()?;
        Ok(order.into_iter().map(|(server, count)| replies[server].by_ref().take(count).collect()).collect())
    }
}
