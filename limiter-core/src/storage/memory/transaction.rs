use smallvec::SmallVec;

use super::{MemoryStorage, digests, shard::Shard};
use crate::{
    Policy, Timestamp, Window,
    storage::{Batch, Decision, deciding},
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
        deciding::decide(&mut self, batch, now)
    }

    fn position(&self, place: usize) -> usize {
        let wanted = self.storage.shard_of(self.digests[place]);
        self.shards.iter().position(|(shard, _)| *shard == wanted).unwrap_or(0)
    }
}

impl deciding::Counts for Transaction<'_> {
    type Entry = u128;

    #[inline]
    fn entry(&self, place: usize) -> u128 {
        self.digests[place]
    }

    #[inline]
    fn test(&self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        self.shards[self.position(place)].1.test(self.digests[place], policy, cost, now)
    }

    #[inline]
    fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let (storage, digest) = (self.storage, self.digests[place]);
        let position = self.position(place);
        storage.hit(&mut self.shards[position].1, digest, policy, cost, now)
    }
}
