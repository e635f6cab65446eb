use smallvec::SmallVec;

use super::{
    entries::PreparedEntry,
    shard::Shard,
    shards::{Shards, digest, share_entry},
};
use crate::{
    Policy, Timestamp, Window,
    shim::MutexGuard,
    storage::{Batch, Decision, Hit, batch_decision},
};

/// The entries of a batch, with their shards locked.
pub(super) struct Transaction<'a> {
    shards: &'a Shards,
    /// The locked shards, by ascending index. All transactions lock in this order, so that none can deadlock.
    locked: SmallVec<[(usize, MutexGuard<'a, Shard>); 8]>,
    /// The hits in the order of the batch.
    parts: SmallVec<[EntryHits<'a>; 8]>,
    /// The number of parts that are guards.
    guards: usize,
    /// The number of parts that are limits.
    limits: usize,
}

/// Consecutive hits on one entry. All of them are guards, or limits, or hits on refusal.
struct EntryHits<'a> {
    hits: &'a [Hit<'a>],
    digest: u128,
    /// The index of the entry's shard.
    shard: usize,
}

impl<'a> Transaction<'a> {
    /// Decides a batch.
    pub(super) fn decide(shards: &'a Shards, batch: &Batch<'a>, now: Timestamp) -> Decision {
        let mut transaction =
            Self { shards, locked: SmallVec::new(), parts: SmallVec::new(), guards: 0, limits: 0 };
        transaction.begin(batch);
        let mut decision = Decision::of_guards(batch.guards.len());
        if transaction.admit(batch, now, &mut decision).is_some() {
            return decision;
        }
        batch_decision::decide_batch(&mut transaction, batch, now)
    }

    /// Finds the entries of a batch and locks their shards.
    fn begin(&mut self, batch: &Batch<'a>) {
        self.guards = self.add(batch.guards);
        self.limits = self.add(batch.limits);
        self.add(batch.on_refusal);
        let mut indices: SmallVec<[usize; 8]> = SmallVec::new();
        for part in &self.parts {
            if let Err(at) = indices.binary_search(&part.shard) {
                indices.insert(at, part.shard);
            }
        }
        for index in indices {
            self.locked.push((index, self.shards.lock(index)));
        }
    }

    /// Adds hits; returns the number of their parts.
    fn add(&mut self, hits: &'a [Hit<'a>]) -> usize {
        let before = self.parts.len();
        for hits in hits.chunk_by(share_entry) {
            let known = self.parts.iter().find(|part| share_entry(&part.hits[0], &hits[0]));
            let digest = known.map_or_else(|| digest(&hits[0]), |part| part.digest);
            self.parts.push(EntryHits { hits, digest, shard: self.shards.index_of(digest) });
        }
        self.parts.len() - before
    }

    /// Hits the limits if each has a count of its own and all pass, after at most one guard. Returns `None` for other
    /// batches; then nothing has changed and `decision` is invalid. Without this, `two-scopes` of `benches/counts.txt`
    /// takes 1.4 times as many instructions.
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
        let mut prepared: SmallVec<[PreparedEntry; 8]> = SmallVec::new();
        for (index, part) in limits.iter().enumerate() {
            if limits[..index].iter().any(|earlier| earlier.digest == part.digest) {
                return None;
            }
            prepared.push(self.shard(part).prepare(part.digest, part.hits, now, decision)?);
        }
        for (entry, part) in prepared.iter().zip(limits) {
            let position = position(&self.locked, part.shard);
            self.locked[position].1.commit(entry);
        }
        Some(())
    }

    /// Returns the part with the hit at a place of the batch.
    fn part(&self, place: usize) -> &EntryHits<'a> {
        let mut end = 0;
        let has_it = |part: &&EntryHits<'_>| {
            end += part.hits.len();
            place < end
        };
        self.parts.iter().find(has_it).unwrap_or(&self.parts[0])
    }

    fn shard(&self, part: &EntryHits<'_>) -> &Shard {
        &self.locked[position(&self.locked, part.shard)].1
    }
}

/// Returns the position of a shard among the locked ones, by its index.
fn position<T>(locked: &[(usize, T)], index: usize) -> usize {
    locked.iter().position(|(other, _)| *other == index).unwrap_or(0)
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
        let EntryHits { digest, shard, .. } = *self.part(place);
        let position = position(&self.locked, shard);
        self.shards.hit(&mut self.locked[position].1, digest, policy, cost, now)
    }

    fn note_refusal(&mut self, place: usize, policy: &Policy, cost: u64) {
        let EntryHits { digest, shard, .. } = *self.part(place);
        let position = position(&self.locked, shard);
        self.locked[position].1.note_refusal(digest, policy, cost);
    }
}
