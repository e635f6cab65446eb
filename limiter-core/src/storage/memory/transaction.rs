use std::sync::atomic::Ordering;

use smallvec::SmallVec;

use super::{MemoryStorage, digest, shard::Shard};
use crate::{
    Strategy, Timestamp, Window,
    storage::{Batch, Decision, Hit, Verdict},
    strategy::State,
    sync::MutexGuard,
};

/// The entries of a batch, with their shards locked.
pub(super) struct Transaction<'a> {
    storage: &'a MemoryStorage,
    /// In ascending order, each once: whoever locks several does so in this order, so that nobody waits in a
    /// circle.
    shards: SmallVec<[(usize, MutexGuard<'a, Shard>); 2]>,
    /// Of the entry of each hit, in the order of the batch.
    digests: SmallVec<[u128; 4]>,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin<'h>(storage: &'a MemoryStorage, hits: impl Iterator<Item = &'h Hit<'h>>) -> Self {
        let digests: SmallVec<[u128; 4]> = hits.map(digest).collect();
        let mut wanted: SmallVec<[usize; 4]> = digests.iter().map(|it| storage.shard_of(*it)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let shards = wanted.into_iter().map(|shard| (shard, storage.shards[shard].0.lock())).collect();
        Self { storage, shards, digests }
    }

    pub(super) fn decide(mut self, batch: &Batch<'_>, now: Timestamp) -> Decision {
        let guards = self.test(batch.guards, 0, now);
        let limits = self.test(batch.limits, batch.guards.len(), now);
        let passes = |(hit, window): (&Hit<'_>, &Window)| hit.shadow || window.is_allowed();

        if !batch.guards.iter().zip(&guards).all(passes) {
            return Decision::new(Verdict::Guarded, guards, limits);
        }
        if batch.limits.iter().zip(&limits).all(passes) {
            let limits = self.consume(batch, now);
            return Decision::new(Verdict::Admitted, guards, limits);
        }
        let limits = self.refuse(batch, limits, now);
        Decision::new(Verdict::Refused, guards, limits)
    }

    /// Looks at `hits`, the first of which is the `first` of the batch.
    fn test(&self, hits: &[Hit<'_>], first: usize, now: Timestamp) -> SmallVec<[Window; 4]> {
        hits.iter()
            .enumerate()
            .map(|(index, hit)| {
                let cost = hit.cost.saturating_add(self.cost_before(hits, index, first));
                match self.shard(first + index).find(self.digests[first + index]) {
                    Some(entry) => entry.test(hit.policy, cost, now),
                    None => State::untouched(hit.policy, cost),
                }
            })
            .collect()
    }

    /// What earlier hits of the same count will have taken: one count may stand twice in a batch.
    fn cost_before(&self, hits: &[Hit<'_>], index: usize, first: usize) -> u64 {
        (0..index)
            .filter(|earlier| {
                self.digests[first + earlier] == self.digests[first + index]
                    && hits[*earlier].policy.id() == hits[index].policy.id()
            })
            .fold(0, |sum, earlier| sum.saturating_add(hits[earlier].cost))
    }

    fn consume(&mut self, batch: &Batch<'_>, now: Timestamp) -> SmallVec<[Window; 4]> {
        let first = batch.guards.len();
        (first..).zip(batch.limits).map(|(index, hit)| self.hit(index, hit, now)).collect()
    }

    fn refuse(
        &mut self,
        batch: &Batch<'_>,
        mut tested: SmallVec<[Window; 4]>,
        now: Timestamp,
    ) -> SmallVec<[Window; 4]> {
        let first = batch.guards.len();
        for (index, hit) in batch.limits.iter().enumerate() {
            let refuses = !tested[index].is_allowed() && !hit.shadow;
            if refuses && hit.policy.strategy() == Strategy::FixedWindowElasticExpiry {
                tested[index] = self.hit(first + index, hit, now);
            }
        }
        let first = first + batch.limits.len();
        for (index, hit) in (first..).zip(batch.on_refusal) {
            let _ = self.hit(index, hit, now);
        }
        tested
    }

    /// Hits one count; makes its entry if there is none yet and something will be taken.
    fn hit(&mut self, index: usize, hit: &Hit<'_>, now: Timestamp) -> Window {
        let digest = self.digests[index];
        let storage = self.storage;
        let shard = self.shard_mut(index);
        if shard.find(digest).is_none() {
            let untouched = State::untouched(hit.policy, hit.cost);
            if hit.cost == 0 || !untouched.is_allowed() {
                return untouched;
            }
            make_room(storage, shard, now);
            shard.insert(digest);
        }
        let Some(entry) = shard.find_mut(digest) else { return State::untouched(hit.policy, hit.cost) };
        let (window, evicted) = entry.hit(hit.policy, hit.cost, now);
        storage.count_evicted(evicted);
        window
    }

    fn shard(&self, index: usize) -> &Shard {
        &self.shards[self.position(index)].1
    }

    fn shard_mut(&mut self, index: usize) -> &mut Shard {
        let position = self.position(index);
        &mut self.shards[position].1
    }

    fn position(&self, index: usize) -> usize {
        let wanted = self.storage.shard_of(self.digests[index]);
        self.shards.iter().position(|(shard, _)| *shard == wanted).unwrap_or(0)
    }
}

/// Removes a few expired entries of the shard, and counts in the one that is about to come: when the storage
/// is full, another must leave.
fn make_room(storage: &MemoryStorage, shard: &mut Shard, now: Timestamp) {
    let swept = shard.sweep(now);
    if swept > 0 {
        storage.len.fetch_sub(swept, Ordering::Relaxed);
    }
    if storage.len.fetch_add(1, Ordering::Relaxed) < storage.capacity {
        return;
    }
    // A shard without entries has nothing to give; the storage is then above its capacity by at most one key
    // for each such shard.
    if let Some(live) = shard.evict(now) {
        storage.len.fetch_sub(1, Ordering::Relaxed);
        storage.count_evicted(u64::from(live));
    }
}
