use smallvec::SmallVec;

use super::{MemoryStorage, are_of_one_entry, digest, entries::Draft, shard::Shard};
use crate::{
    Policy, Timestamp, Window,
    shim::MutexGuard,
    storage::{Batch, Decision, Hit, batch_decision},
};

/// The entries of a batch, with their shards locked.
pub(super) struct Transaction<'a> {
    storage: &'a MemoryStorage,
    /// In ascending order, each once: whoever locks several does so in this order, so that nobody waits in a
    /// circle.
    shards: SmallVec<[(usize, MutexGuard<'a, Shard>); 8]>,
    /// The hits in the order of the batch.
    parts: SmallVec<[Part<'a>; 8]>,
    /// How many parts are guards, and how many limits.
    guards: usize,
    limits: usize,
}

/// Hits of one entry that follow each other, all of them guards, limits, or on refusal.
struct Part<'a> {
    hits: &'a [Hit<'a>],
    digest: u128,
    /// The number of its shard.
    shard: usize,
}

impl<'a> Transaction<'a> {
    #[inline]
    pub(super) fn new(storage: &'a MemoryStorage) -> Self {
        Self { storage, shards: SmallVec::new(), parts: SmallVec::new(), guards: 0, limits: 0 }
    }

    /// Locks the shards of a batch.
    fn begin(&mut self, batch: &Batch<'a>) {
        self.guards = self.add(batch.guards);
        self.limits = self.add(batch.limits);
        self.add(batch.on_refusal);
        let mut wanted: SmallVec<[usize; 8]> = self.parts.iter().map(|part| part.shard).collect();
        wanted.sort_unstable();
        wanted.dedup();
        for shard in wanted {
            self.shards.push((shard, self.storage.shards[shard].0.lock()));
        }
    }

    /// Returns how many parts these are.
    fn add(&mut self, hits: &'a [Hit<'a>]) -> usize {
        let before = self.parts.len();
        for hits in hits.chunk_by(are_of_one_entry) {
            let known = self.parts.iter().find(|part| are_of_one_entry(&part.hits[0], &hits[0]));
            let digest = known.map_or_else(|| digest(&hits[0]), |part| part.digest);
            self.parts.push(Part { hits, digest, shard: self.storage.shard_of(digest) });
        }
        self.parts.len() - before
    }

    pub(super) fn decide(mut self, batch: &Batch<'a>, now: Timestamp) -> Decision {
        self.begin(batch);
        let mut decision = Decision::of_guards(batch.guards.len());
        if self.admit(batch, now, &mut decision).is_some() {
            return decision;
        }
        batch_decision::decide_batch(&mut self, batch, now)
    }

    /// Decides a batch that is admitted and whose counts are all there, each once; with one guard at most. Does nothing
    /// to others.
    fn admit(&mut self, batch: &Batch<'_>, now: Timestamp, decision: &mut Decision) -> Option<()> {
        let (guards, others) = self.parts.split_at(self.guards);
        let limits = &others[..self.limits];
        match (batch.guards, guards) {
            ([], _) => {}
            ([guard], [part, ..]) => {
                let window = self.shard(part).test(part.digest, guard.policy, guard.cost, now);
                (guard.shadow || window.is_allowed()).then(|| decision.push(window))?;
            }
            _ => return None,
        }
        let mut drafts: SmallVec<[Draft; 8]> = SmallVec::new();
        for (index, part) in limits.iter().enumerate() {
            if limits[..index].iter().any(|earlier| earlier.digest == part.digest) {
                return None;
            }
            drafts.push(self.shard(part).draft(part.digest, part.hits, now, decision)?);
        }
        for (draft, part) in drafts.iter().zip(limits) {
            let position = position(&self.shards, part.shard);
            self.shards[position].1.keep(draft);
        }
        Some(())
    }

    /// The part that has the hit at a place of the batch.
    fn part(&self, place: usize) -> &Part<'a> {
        let mut behind = 0;
        let has_it = |part: &&Part<'_>| {
            behind += part.hits.len();
            place < behind
        };
        self.parts.iter().find(has_it).unwrap_or(&self.parts[0])
    }

    fn shard(&self, part: &Part<'_>) -> &Shard {
        &self.shards[position(&self.shards, part.shard)].1
    }
}

/// Where a shard is among those that are locked, given its number.
fn position<T>(shards: &[(usize, T)], wanted: usize) -> usize {
    shards.iter().position(|(shard, _)| *shard == wanted).unwrap_or(0)
}

impl batch_decision::CounterSet for Transaction<'_> {
    type Entry = u128;

    #[inline]
    fn entry(&self, place: usize) -> u128 {
        self.part(place).digest
    }

    #[inline]
    fn test(&self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let part = self.part(place);
        self.shard(part).test(part.digest, policy, cost, now)
    }

    #[inline]
    fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let Part { digest, shard, .. } = *self.part(place);
        let position = position(&self.shards, shard);
        self.storage.hit(&mut self.shards[position].1, digest, policy, cost, now)
    }
}
