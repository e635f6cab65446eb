//! The storage in the memory of the process.

use std::fmt;

mod chunked_vec;
mod counters;
mod entries;
mod entry;
mod layout;
mod more_numbers;
mod notes;
mod one_entry;
mod overflow;
mod persist;
mod place_table;
mod places;
mod saved;
mod shard;
mod shards;
mod transaction;

pub use self::persist::LoadStateError;
use self::{
    notes::NoteLists,
    one_entry::{decide_limit, decide_limits},
    shards::{Shards, digest, share_entry},
    transaction::Transaction,
};
use super::{Answer, Batch, Decision, Hit, Note, NoteList, Refund, Renewal, Storage};
use crate::{Policy, PolicyError, Timestamp};

/// A storage in this process, exact over all its threads.
///
/// It stores at most [`capacity`](Self::with_capacity) keys: clients in a scope. A key takes 64 bytes with one or
/// two limits, and about 100 with three or four. With counts that exceed eight numbers, such as five fixed windows, it
/// takes about 320 bytes, and 50 for each further limit. A moving window takes 220 bytes, and 16 for each hit of its
/// busiest window.
///
/// A full storage evicts one of 32 keys for each new one: first expired keys, then unspent ones that end soon,
/// spent ones last. So no request pays for a long search. A key counts as spent if nothing is left, and after a
/// refusal until the refused cost would pass again. [`evictions`](Self::evictions) counts the live keys that
/// were evicted.
///
/// Hits on an existing key allocate nothing, admitted or refused. Only the log of a moving window allocates, by
/// doubling, until it has room for its busiest window.
pub struct MemoryStorage {
    shards: Shards,
    notes: NoteLists,
}

impl MemoryStorage {
    /// The default capacity in keys.
    pub const DEFAULT_CAPACITY: usize = 1_000_000;

    /// The largest amount of a moving window, which stores each hit.
    pub const MAX_MOVING_WINDOW: u64 = 10_000;

    /// Creates a storage of [`DEFAULT_CAPACITY`](Self::DEFAULT_CAPACITY).
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// Creates a storage for at most `capacity` keys, at least 1. A key is a client in a scope.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { shards: Shards::new(capacity.max(1)), notes: NoteLists::default() }
    }

    /// Decides a batch. As [`Storage::decide`], but returns the decision itself.
    pub fn decide(&self, batch: &Batch<'_>, now: Timestamp) -> Decision {
        // Any batch can be a transaction. The fast paths of the most frequent batches earn their place by instructions
        // (`benches/counts.txt`): without them, `one` takes 1.2 times as many, and `two` 1.9 times.
        let is_plain = batch.guards.is_empty() && batch.on_refusal.is_empty();
        match batch.limits {
            [hit] if is_plain => decide_limit(&self.shards, hit, now),
            [first, others @ ..] if is_plain && others.iter().all(|hit| share_entry(first, hit)) => {
                let mut decision = Decision::of_limits();
                if !decide_limits(&self.shards, batch.limits, now, &mut decision) {
                    decision = Transaction::decide(&self.shards, batch, now);
                }
                decision
            }
            _ => Transaction::decide(&self.shards, batch, now),
        }
    }

    /// Returns the number of keys, including expired ones that have not been removed yet.
    pub fn len(&self) -> usize {
        self.shards.len()
    }

    /// Returns whether the storage has no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of live counts that were evicted since the storage was full. Above zero, the capacity is too
    /// small, or a client is using very many keys.
    pub fn evictions(&self) -> u64 {
        self.shards.evictions()
    }
}

impl Storage for MemoryStorage {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        Answer::ready(self.decide(batch, now))
    }

    fn refund<'a>(&'a self, refunds: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        for Refund { hit, stamp } in refunds {
            let digest = digest(hit);
            self.shards.lock_of(digest).refund(digest, hit, *stamp, now);
        }
        Answer::ready(())
    }

    fn has_leases(&self) -> bool {
        true
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        let renew = |Refund { hit, stamp }: &Refund<'_>| {
            let digest = digest(hit);
            Renewal::from(self.shards.lock_of(digest).renew(digest, hit, *stamp, now))
        };
        Answer::ready(taken.iter().map(renew).collect())
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        for hit in hits {
            self.shards.clear(hit);
        }
        Answer::ready(())
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.shards.reset();
        Answer::ready(())
    }

    fn has_notes(&self) -> bool {
        true
    }

    fn notes<'a>(
        &'a self,
        list: &'a str,
        known: Option<u64>,
        now: Timestamp,
    ) -> Answer<'a, Option<NoteList>> {
        Answer::ready(self.notes.list(list, known, now))
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        Answer::ready(self.notes.put(list, note, max, now))
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        Answer::ready(self.notes.remove(list, name, now))
    }

    fn is_local(&self) -> bool {
        true
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        policy.check_log(Self::MAX_MOVING_WINDOW)
    }
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage")
            .field("capacity", &self.shards.capacity())
            .field("len", &self.len())
            .field("evictions", &self.evictions())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
