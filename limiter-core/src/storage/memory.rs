//! Counts in this process.

use std::{fmt, ptr, sync::atomic::Ordering};

mod apart;
mod cells;
mod entries;
mod entry;
mod pieces;
mod shape;
mod shard;
mod transaction;

use self::{shard::Shard, transaction::Transaction};
use super::{Answer, Batch, Decision, Hit, Refund, Storage, Verdict};
use crate::{
    Policy, PolicyError, Strategy, Timestamp, Window,
    digest::halves,
    shim::{AtomicU64, AtomicUsize, Mutex},
};

/// Keeps counts in this process, exact over all its threads.
///
/// It holds at most [`capacity`](Self::with_capacity) keys: clients in a scope. One takes 64 bytes with one or two
/// limits; with more than fit into four numbers, such as three fixed windows, about 220, and 50 for each further
/// limit. A moving window takes 220, and 16 for each hit of its busiest window.
///
/// When it is full, expired keys leave first, then unspent ones that are near their end, and spent ones last; the
/// choice is among 32 keys, so that no request pays for a long search. Each live key that had to leave counts in
/// [`evictions`](Self::evictions).
///
/// A key that has been hit before allocates nothing, admitted or refused (a log of a moving window grows by
/// doubling until it has seen its busiest window).
pub struct MemoryStorage {
    shards: Box<[Padded<Mutex<Shard>>]>,
    capacity: usize,
    len: AtomicUsize,
    evictions: AtomicU64,
}

/// Keeps locks on cache lines of their own.
#[derive(Debug)]
#[repr(align(64))]
struct Padded<T>(T);

/// How many keys share a lock when the storage is full. Few enough that growing a shard is never felt: it moves
/// so many entries. A table of 4096 places takes 3584 before it grows, which by chance hardly any shard comes to.
const KEYS_PER_SHARD: usize = 3400;
const MOST_SHARDS: usize = 1 << 16;

impl MemoryStorage {
    /// How many keys are held unless told otherwise.
    pub const DEFAULT_CAPACITY: usize = 1_000_000;

    /// The largest amount of a moving window: it remembers each hit.
    pub const MAX_MOVING_WINDOW: u64 = 10_000;

    /// Creates a storage of [`DEFAULT_CAPACITY`](Self::DEFAULT_CAPACITY).
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }

    /// Creates a storage that holds at most `capacity` keys, at least 1. A key is a client in a scope.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let shards = capacity.div_ceil(KEYS_PER_SHARD).min(MOST_SHARDS);
        Self {
            shards: (0..shards).map(|_| Padded(Mutex::new(Shard::default()))).collect(),
            capacity,
            len: AtomicUsize::new(0),
            evictions: AtomicU64::new(0),
        }
    }

    /// Decides a batch; what [`Storage::decide`] answers, without the wrapping.
    pub fn decide(&self, batch: &Batch<'_>, now: Timestamp) -> Decision {
        let is_plain = batch.guards.is_empty() && batch.on_refusal.is_empty();
        match batch.limits {
            [hit] if is_plain => self.decide_one(hit, now),
            [first, others @ ..] if is_plain && others.iter().all(|hit| are_of_one_entry(first, hit)) => {
                self.decide_together(batch, now)
            }
            _ => self.decide_any(batch, now),
        }
    }

    /// Decides one limit, which the most frequent batches have.
    #[inline]
    fn decide_one(&self, hit: &Hit<'_>, now: Timestamp) -> Decision {
        let digest = digest(hit);
        let mut shard = self.shards[self.shard_of(digest)].0.lock();
        let warm = if hit.policy.ignores(hit.cost) { None } else { shard.hit_number(digest, hit, now) };
        let window = warm.unwrap_or_else(|| self.hit(&mut shard, digest, hit.policy, hit.cost, now));
        let passes = hit.shadow || window.is_allowed();
        Decision::of_one(if passes { Verdict::Admitted } else { Verdict::Refused }, window)
    }

    /// Decides limits of one entry, which is found once; mostly all their counts are there.
    #[inline]
    fn decide_together(&self, batch: &Batch<'_>, now: Timestamp) -> Decision {
        let digest = digest(&batch.limits[0]);
        let mut decision = Decision::of_limits();
        let mut shard = self.shards[self.shard_of(digest)].0.lock();
        let is_decided = shard.decide(digest, batch.limits, now, &mut decision);
        drop(shard);
        if is_decided { decision } else { self.decide_any(batch, now) }
    }

    fn decide_any(&self, batch: &Batch<'_>, now: Timestamp) -> Decision {
        Transaction::new(self).decide(batch, now)
    }

    /// Where the entry of a client is; makes it if there is none yet.
    fn place(&self, shard: &mut Shard, digest: u128, now: Timestamp) -> usize {
        shard.place(digest).unwrap_or_else(|| {
            self.make_room(shard, now);
            shard.insert(digest)
        })
    }

    /// Hits one count in its shard; makes its entry if there is none yet.
    #[cold]
    fn hit(&self, shard: &mut Shard, digest: u128, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        if policy.ignores(cost) {
            return shard.test(digest, policy, cost, now);
        }
        let place = self.place(shard, digest, now);
        let (window, evicted) = shard.hit(place, policy, cost, now);
        self.count_evicted(evicted);
        window
    }

    /// Removes a few expired entries of the shard, and counts in the one that is about to come: when the
    /// storage is full, another must leave.
    fn make_room(&self, shard: &mut Shard, now: Timestamp) {
        let swept = shard.sweep(now);
        if swept > 0 {
            self.len.fetch_sub(swept, Ordering::Relaxed);
        }
        if self.len.fetch_add(1, Ordering::Relaxed) < self.capacity {
            return;
        }
        // A shard without entries has nothing to give; the storage is then above its capacity by at most one
        // key for each such shard.
        if let Some(live) = shard.evict(now) {
            self.len.fetch_sub(1, Ordering::Relaxed);
            self.count_evicted(u64::from(live));
        }
    }

    /// How many keys are held, expired ones that have not left yet included.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether no key is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many live counts had to leave because the storage was full. Above zero the capacity is too small,
    /// or somebody is using very many keys.
    pub fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    /// By the upper bits of the digest, which has 127; the lower ones find the entry in its shard.
    #[inline]
    fn shard_of(&self, digest: u128) -> usize {
        let [upper, _] = halves(digest >> 63).map(u128::from);
        let [_, place] = halves(upper * self.shards.len() as u128);
        // Below the number of shards.
        usize::try_from(place).unwrap_or(0)
    }

    /// Adds up live counts that had to leave.
    fn count_evicted(&self, evicted: u64) {
        if evicted > 0 && self.evictions.fetch_add(evicted, Ordering::Relaxed) == 0 {
            tracing::warn!(
                code = "S003",
                capacity = self.capacity,
                "the memory storage is full and forgets live counts; give it a larger capacity"
            );
        }
    }
}

/// Whether two hits are of one client, known by its reference, in one scope. Each limit may have made its own.
#[inline]
fn are_of_one_entry(one: &Hit<'_>, other: &Hit<'_>) -> bool {
    ptr::eq(one.key, other.key) && one.scope.is_same(other.scope)
}

/// Finds the entry of a hit.
#[inline]
fn digest(hit: &Hit<'_>) -> u128 {
    let mut digest = hit.scope.digest();
    hit.key.feed(&mut digest);
    digest.finish()
}

impl Storage for MemoryStorage {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        Answer::ready(self.decide(batch, now))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        for Refund { hit, stamp } in taken {
            let digest = digest(hit);
            let mut shard = self.shards[self.shard_of(digest)].0.lock();
            shard.refund(digest, hit, *stamp, now);
        }
        Answer::ready(())
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        for hit in hits {
            let digest = digest(hit);
            let mut shard = self.shards[self.shard_of(digest)].0.lock();
            if shard.clear(digest, hit.policy) {
                self.len.fetch_sub(1, Ordering::Relaxed);
            }
        }
        Answer::ready(())
    }

    fn reset(&self) -> Answer<'_, ()> {
        for shard in &self.shards {
            let removed = shard.0.lock().reset();
            self.len.fetch_sub(removed, Ordering::Relaxed);
        }
        Answer::ready(())
    }

    fn is_local(&self) -> bool {
        true
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        if policy.strategy() == Strategy::MovingWindow && policy.amount() > Self::MAX_MOVING_WINDOW {
            return Err(PolicyError::MovingWindowTooLarge {
                quota: policy.quota(),
                most: Self::MAX_MOVING_WINDOW,
            });
        }
        Ok(())
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
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .field("evictions", &self.evictions())
            .finish_non_exhaustive()
    }
}
