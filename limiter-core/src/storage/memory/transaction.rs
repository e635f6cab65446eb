use smallvec::SmallVec;

use super::{MemoryStorage, digests, shard::Shard};
use crate::{
    Strategy, Timestamp, Window,
    storage::{Batch, Decision, Hit, Verdict},
    sync::MutexGuard,
};

/// The entries of a batch, with their shards locked.
pub(super) struct Transaction<'a> {
    storage: &'a MemoryStorage,
    /// In ascending order, each once: whoever locks several does so in this order, so that nobody waits in a
    /// circle.
    shards: SmallVec<[(usize, MutexGuard<'a, Shard>); 8]>,
    /// Of the entry of each hit, in the order of the batch.
    digests: SmallVec<[u128; 8]>,
}

impl<'a> Transaction<'a> {
    pub(super) fn begin(storage: &'a MemoryStorage, batch: &Batch<'_>) -> Self {
        let digests = digests(batch.hits());
        let mut wanted: SmallVec<[usize; 8]> = digests.iter().map(|it| storage.shard_of(*it)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let shards = wanted.into_iter().map(|shard| (shard, storage.shards[shard].0.lock())).collect();
        Self { storage, shards, digests }
    }

    pub(super) fn decide(mut self, batch: &Batch<'_>, now: Timestamp) -> Decision {
        let mut windows = SmallVec::new();
        let guarded = !self.test(batch.guards, 0, now, &mut windows);
        let refused = !self.test(batch.limits, batch.guards.len(), now, &mut windows);

        let limits = &mut windows[batch.guards.len()..];
        let verdict = match (guarded, refused) {
            (true, _) => Verdict::Guarded,
            (false, true) => {
                self.refuse(batch, limits, now);
                Verdict::Refused
            }
            (false, false) => {
                self.consume(batch, limits, now);
                Verdict::Admitted
            }
        };
        Decision::from_windows(verdict, batch.guards.len(), windows)
    }

    /// Looks at `hits`, the first of which is the `first` of the batch; tells whether none refuses.
    fn test(
        &self,
        hits: &[Hit<'_>],
        first: usize,
        now: Timestamp,
        windows: &mut SmallVec<[Window; 6]>,
    ) -> bool {
        let mut pass = true;
        for (index, hit) in hits.iter().enumerate() {
            let cost = self.cost_so_far(hits, index, first, &windows[first..]);
            let position = first + index;
            let window = self.shard(position).test(self.digests[position], hit.policy, cost, now);
            pass &= hit.shadow || window.is_allowed();
            windows.push(window);
        }
        pass
    }

    /// The cost of a hit and of what earlier ones will have taken: one count may stand twice in a batch.
    fn cost_so_far(&self, hits: &[Hit<'_>], index: usize, first: usize, windows: &[Window]) -> u64 {
        let same_count = |earlier: &usize| {
            self.digests[first + earlier] == self.digests[first + index]
                && hits[*earlier].policy.id() == hits[index].policy.id()
        };
        // What refuses in shadow takes nothing.
        let takes = |earlier: &usize| windows[*earlier].is_allowed() || !hits[*earlier].shadow;
        (0..index)
            .filter(same_count)
            .filter(takes)
            .fold(hits[index].cost, |sum, earlier| sum.saturating_add(hits[earlier].cost))
    }

    fn consume(&mut self, batch: &Batch<'_>, windows: &mut [Window], now: Timestamp) {
        let first = batch.guards.len();
        for (index, hit) in batch.limits.iter().enumerate() {
            windows[index] = self.hit(first + index, hit, now);
        }
    }

    fn refuse(&mut self, batch: &Batch<'_>, windows: &mut [Window], now: Timestamp) {
        let first = batch.guards.len();
        for (index, hit) in batch.limits.iter().enumerate() {
            let refuses = !windows[index].is_allowed() && !hit.shadow;
            if refuses && hit.policy.strategy() == Strategy::FixedWindowElasticExpiry {
                // With what was refused when it was tested; the hit's own cost alone might pass.
                let cost = self.cost_so_far(batch.limits, index, first, windows);
                windows[index] = self.hit(first + index, &hit.cost(cost), now);
            }
        }
        let first = first + batch.limits.len();
        let refused = |limit: usize| !windows[limit].is_allowed() && !batch.limits[limit].shadow;
        for (index, hit) in (first..).zip(batch.on_refusal) {
            if hit.only_after.is_none_or(|limit| limit < windows.len() && refused(limit)) {
                let _ = self.hit(index, hit, now);
            }
        }
    }

    fn hit(&mut self, index: usize, hit: &Hit<'_>, now: Timestamp) -> Window {
        let (storage, digest) = (self.storage, self.digests[index]);
        let position = self.position(index);
        storage.hit(&mut self.shards[position].1, digest, hit, now)
    }

    fn shard(&self, index: usize) -> &Shard {
        &self.shards[self.position(index)].1
    }

    fn position(&self, index: usize) -> usize {
        let wanted = self.storage.shard_of(self.digests[index]);
        self.shards.iter().position(|(shard, _)| *shard == wanted).unwrap_or(0)
    }
}
