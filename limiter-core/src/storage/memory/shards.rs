use std::{ptr, sync::atomic::Ordering};

use super::{places, saved::RestoredEntry, shard::Shard};
use crate::{
    Policy, Timestamp, Window,
    digest::halves,
    log::{event, unthrottled},
    shim::{AtomicU64, AtomicUsize, Mutex, MutexGuard},
    storage::Hit,
};

/// All entries, spread over shards that each have a lock.
pub(super) struct Shards {
    list: Box<[CacheAligned<Mutex<Shard>>]>,
    capacity: usize,
    len: AtomicUsize,
    evictions: AtomicU64,
}

/// Aligns a lock to a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct CacheAligned<T>(T);

const MAX_SHARDS: usize = 1 << 16;

impl Shards {
    pub(super) fn new(capacity: usize) -> Self {
        let shards = capacity.div_ceil(places::KEYS).min(MAX_SHARDS);
        Self {
            list: (0..shards).map(|_| CacheAligned(Mutex::new(Shard::default()))).collect(),
            capacity,
            len: AtomicUsize::new(0),
            evictions: AtomicU64::new(0),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Returns the number of entries, including expired ones that have not been removed yet.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Returns the number of live counts that were evicted.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    /// Locks a shard, by its index.
    #[inline]
    pub(super) fn lock(&self, index: usize) -> MutexGuard<'_, Shard> {
        self.list[index].0.lock()
    }

    /// Locks the shard of an entry.
    #[inline]
    pub(super) fn lock_of(&self, digest: u128) -> MutexGuard<'_, Shard> {
        self.lock(self.index_of(digest))
    }

    /// Returns the index of an entry's shard. It depends on the upper bits of the digest, which has 127; the lower ones
    /// find the entry in its shard.
    #[inline]
    pub(super) fn index_of(&self, digest: u128) -> usize {
        let [upper, _] = halves(digest >> 63).map(u128::from);
        let [_, index] = halves(upper * self.list.len() as u128);
        // Less than the number of shards.
        usize::try_from(index).unwrap_or(0)
    }

    /// Hits a count in its locked shard; adds its entry first if needed.
    #[cold]
    pub(super) fn hit(
        &self,
        shard: &mut Shard,
        digest: u128,
        policy: &Policy,
        cost: u64,
        now: Timestamp,
    ) -> Window {
        if policy.ignores(cost) {
            return shard.test(digest, policy, cost, now);
        }
        let place = shard.place(digest).unwrap_or_else(|| {
            self.make_room(shard, now);
            shard.insert(digest)
        });
        let (window, evicted) = shard.hit(place, policy, cost, now);
        self.count_evicted(evicted);
        window
    }

    /// Counts an entry that is about to be added, after removing expired ones of its shard. If the storage is full,
    /// evicts another entry.
    fn make_room(&self, shard: &mut Shard, now: Timestamp) {
        let swept = shard.sweep(now);
        if swept > 0 {
            self.len.fetch_sub(swept, Ordering::Relaxed);
        }
        if self.len.fetch_add(1, Ordering::Relaxed) < self.capacity {
            return;
        }
        // An empty shard has nothing to evict. So the storage may exceed its capacity by one key for each shard that
        // was empty.
        if let Some(live) = shard.evict(now) {
            self.len.fetch_sub(1, Ordering::Relaxed);
            self.count_evicted(u64::from(live));
        }
    }

    /// Returns the number of shards. Where an entry is depends on it.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// Adds an entry of a file to a shard.
    pub(super) fn restore(&self, index: usize, restored: RestoredEntry, now: Timestamp) {
        let mut shard = self.lock(index);
        self.make_room(&mut shard, now);
        if shard.restore(restored) {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn count_evicted(&self, evicted: u64) {
        if evicted > 0 && self.evictions.fetch_add(evicted, Ordering::Relaxed) == 0 {
            event!(
                unthrottled(Some("S003")),
                WARN,
                capacity = self.capacity,
                "memory storage is full: evicting live counts; give it a larger capacity"
            );
        }
    }

    /// Clears the count of a hit.
    pub(super) fn clear(&self, hit: &Hit<'_>) {
        let digest = digest(hit);
        if self.lock_of(digest).clear(digest, hit.policy) {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Removes all entries.
    pub(super) fn reset(&self) {
        for shard in &self.list {
            let removed = shard.0.lock().reset();
            self.len.fetch_sub(removed, Ordering::Relaxed);
        }
    }
}

/// Returns whether two hits have the same entry: the same client in the same scope.
///
/// Keys are compared by reference, which is cheap. Equal keys at different references only make a batch slower.
#[inline]
pub(super) fn share_entry(one: &Hit<'_>, other: &Hit<'_>) -> bool {
    ptr::eq(one.key, other.key) && one.scope.is_same(other.scope)
}

/// Returns the digest of a hit's scope and key, which identifies its entry.
#[inline]
pub(super) fn digest(hit: &Hit<'_>) -> u128 {
    let mut digest = hit.scope.digest();
    hit.key.feed(&mut digest);
    digest.finish()
}
