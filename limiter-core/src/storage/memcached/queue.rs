//! Orders the operations of this process that use the same counts.
//!
//! Two operations on one count would disturb each other: both read it, and only one can write it. So operations
//! that arrive while another uses one of their counts wait, and then run together.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use tokio::sync::oneshot;

use super::{error::MemcachedError, operation::Operation};
use crate::storage::Decision;

/// An operation, and the channel to its request.
pub(super) type QueuedOperation = (Operation, DecisionSender);

pub(super) type DecisionSender = oneshot::Sender<Result<Decision, MemcachedError>>;

/// The maximum number of operations that wait.
const MAX_WAITING: usize = 4096;

/// The maximum number of rounds that run at once. Without it, a flood of requests that are dropped at once would grow
/// for as long as a server hangs.
const MAX_ROUNDS: usize = 1024;

/// The maximum number of operations that run together.
const MAX_TOGETHER: usize = 256;

/// The waiting operations, and the counts in use.
#[derive(Default)]
pub(super) struct Queue {
    counts: HashMap<Arc<str>, CountUse>,
    waiting: VecDeque<QueuedOperation>,
    /// The number of rounds that run.
    rounds: usize,
    /// Set if a round was full, or if too many ran, so that operations may wait although their counts are free.
    was_full: bool,
}

/// The use of one count.
#[derive(Default)]
struct CountUse {
    is_running: bool,
    /// The number of hits on this count in waiting operations.
    waiting: usize,
}

/// The state of an operation that has just arrived.
pub(super) enum Arrival {
    /// It can run now.
    Start(QueuedOperation),
    /// It waits.
    Queued,
    /// The queue is full.
    Full,
}

impl Queue {
    /// Adds an operation. It starts at once if no other uses or awaits one of its counts, so operations on one
    /// count run in the order of their arrival.
    pub(super) fn arrive(&mut self, operation: QueuedOperation) -> Arrival {
        let has_room = self.rounds < MAX_ROUNDS;
        if has_room && keys(&operation).all(|key| !self.counts.contains_key(key)) {
            self.start(&operation);
            self.rounds += 1;
            return Arrival::Start(operation);
        }
        if self.waiting.len() >= MAX_WAITING {
            self.remove_dropped();
        }
        if self.waiting.len() >= MAX_WAITING {
            return Arrival::Full;
        }
        self.was_full |= !has_room;
        for key in keys(&operation) {
            self.counts.entry(Arc::clone(key)).or_default().waiting += 1;
        }
        self.waiting.push_back(operation);
        Arrival::Queued
    }

    /// Frees the counts of a finished round; returns the operations of its next one. Without any, the round has ended.
    pub(super) fn leave<'a>(&mut self, counts: impl Iterator<Item = &'a Arc<str>>) -> Vec<QueuedOperation> {
        let mut is_awaited = false;
        for key in counts {
            if let Some(count) = self.counts.get_mut(key) {
                count.is_running = false;
                is_awaited |= count.waiting > 0;
                self.remove_unused(key);
            }
        }
        // Usually no operation waits, and the search is skipped.
        let next = if is_awaited || self.was_full { self.next() } else { Vec::new() };
        if next.is_empty() {
            self.rounds = self.rounds.saturating_sub(1);
        }
        next
    }

    /// Removes the waiting operations whose requests were dropped.
    fn remove_dropped(&mut self) {
        for operation in std::mem::take(&mut self.waiting) {
            if operation.1.is_closed() {
                self.stop_waiting(&operation);
            } else {
                self.waiting.push_back(operation);
            }
        }
    }

    fn next(&mut self) -> Vec<QueuedOperation> {
        let (mut next, mut claimed) = (Vec::new(), HashSet::new());
        self.was_full = false;
        for operation in std::mem::take(&mut self.waiting) {
            let is_canceled = operation.1.is_closed();
            let is_free = |key: &Arc<str>| {
                !claimed.contains(key) && self.counts.get(key).is_none_or(|count| !count.is_running)
            };
            if is_canceled || (next.len() < MAX_TOGETHER && keys(&operation).all(is_free)) {
                self.stop_waiting(&operation);
                if !is_canceled {
                    next.push(operation);
                }
            } else {
                self.was_full |= next.len() >= MAX_TOGETHER;
                claimed.extend(keys(&operation).cloned());
                self.waiting.push_back(operation);
            }
        }
        for operation in &next {
            self.start(operation);
        }
        next
    }

    fn start(&mut self, operation: &QueuedOperation) {
        for key in keys(operation) {
            self.counts.entry(Arc::clone(key)).or_default().is_running = true;
        }
    }

    fn stop_waiting(&mut self, operation: &QueuedOperation) {
        for key in keys(operation) {
            if let Some(count) = self.counts.get_mut(key) {
                count.waiting -= 1;
            }
            self.remove_unused(key);
        }
    }

    fn remove_unused(&mut self, key: &Arc<str>) {
        let is_unused = |count: &CountUse| !count.is_running && count.waiting == 0;
        if self.counts.get(key).is_some_and(is_unused) {
            self.counts.remove(key);
        }
    }
}

fn keys((operation, _): &QueuedOperation) -> impl Iterator<Item = &Arc<str>> {
    operation.hits().iter().map(|hit| &hit.key)
}

#[cfg(test)]
mod tests;
