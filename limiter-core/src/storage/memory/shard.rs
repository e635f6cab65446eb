use super::{
    entries::{Entries, PreparedEntry},
    places::Places,
    saved::{RestoredEntry, SavedEntries},
};
use crate::{
    Policy, Timestamp, Window,
    digest::halves,
    storage::{Decision, Hit},
    strategy::State,
};

/// A part of the entries, under one lock.
///
/// The entries are contiguous, so that sweeping a few costs little. The tables hold only their places, so that growth
/// moves four bytes a key.
#[derive(Debug, Default)]
pub(super) struct Shard {
    places: Places,
    entries: Entries,
    /// The place where the search for expired entries continues, as the hand of a clock.
    hand: usize,
}

/// The number of entries that each insertion checks for expiry. It is more than one, so that expired entries are
/// removed faster than new ones are added.
const SWEEP: usize = 2;

/// An eviction chooses among so many runs of entries, each of this length.
const RUNS: usize = 8;
const RUN: usize = 4;

impl Shard {
    /// Tests a count, which need not exist.
    pub(super) fn test(&self, digest: u128, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        match self.place(digest) {
            Some(place) => self.entries.test(place, policy, cost, now),
            None => State::untouched(policy, cost),
        }
    }

    /// Hits a count that is among the numbers of its entry; see [`Entries::hit_number`].
    #[inline]
    pub(super) fn hit_number(&mut self, digest: u128, hit: &Hit<'_>, now: Timestamp) -> Option<Window> {
        let place = self.place(digest)?;
        self.entries.hit_number(place, hit, now)
    }

    /// Hits a count of the entry at a place; see [`Entries::hit`].
    #[inline]
    pub(super) fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> (Window, u64) {
        self.entries.hit(place, policy, cost, now)
    }

    /// Remembers a refusal; see [`Entries::note_refusal`].
    pub(super) fn note_refusal(&mut self, digest: u128, policy: &Policy, cost: u64) {
        if let Some(place) = self.place(digest) {
            self.entries.note_refusal(place, policy, cost);
        }
    }

    /// Decides limits of one entry; see [`Entries::decide`].
    #[inline]
    pub(super) fn decide(
        &mut self,
        digest: u128,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> bool {
        self.place(digest).is_some_and(|place| self.entries.decide(place, limits, now, decision))
    }

    /// Prepares the hits on one entry; see [`Entries::prepare`].
    pub(super) fn prepare(
        &self,
        digest: u128,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> Option<PreparedEntry> {
        self.entries.prepare(self.place(digest)?, limits, now, decision)
    }

    /// Stores a prepared entry; see [`Entries::commit`].
    pub(super) fn commit(&mut self, prepared: &PreparedEntry) {
        self.entries.commit(prepared);
    }

    pub(super) fn refund(&mut self, digest: u128, hit: &Hit<'_>, stamp: u64, now: Timestamp) {
        if let Some(place) = self.place(digest) {
            self.entries.refund(place, hit, stamp, now);
        }
    }

    /// Renews the lease of a concurrent request. Returns its new stamp.
    pub(super) fn renew(&mut self, digest: u128, hit: &Hit<'_>, stamp: u64, now: Timestamp) -> Option<u64> {
        self.entries.renew(self.place(digest)?, hit, stamp, now)
    }

    /// Clears a count. Returns whether its entry was removed, since no other count was left.
    pub(super) fn clear(&mut self, digest: u128, policy: &Policy) -> bool {
        let place = self.place(digest);
        let emptied = place.filter(|place| !self.entries.clear(*place, policy));
        if let Some(place) = emptied {
            self.remove_at(place);
        }
        emptied.is_some()
    }

    /// Adds an entry, which must not exist yet; returns its place.
    pub(super) fn insert(&mut self, digest: u128) -> usize {
        let place = self.entries.push(digest);
        self.places.insert(hash(digest), place, |place| self.entries.get(place).hash());
        place
    }

    /// Adds some entries before `place` to those for a file, downwards. Returns the place where to go on, or `None` at the
    /// end.
    ///
    /// An entry that is removed is replaced by the last one. So between two calls, entries move from places that were
    /// saved to those that follow: one may be saved twice, and none is left out.
    pub(super) fn save(&self, place: usize, now: Timestamp, saved: &mut SavedEntries) -> Option<usize> {
        let mut place = place.min(self.entries.len());
        while place > 0 && !saved.is_full() {
            place -= 1;
            self.entries.save(place, now, saved);
        }
        (place > 0).then_some(place)
    }

    /// Adds an entry of a file. Returns whether it has replaced another.
    pub(super) fn restore(&mut self, restored: RestoredEntry) -> bool {
        let digest = restored.digest();
        let known = self.place(digest);
        if let Some(known) = known {
            self.remove_at(known);
        }
        let place = self.insert(digest);
        self.entries.restore(place, restored);
        known.is_some()
    }

    /// Removes expired entries among the next few at the hand; returns their number.
    pub(super) fn sweep(&mut self, now: Timestamp) -> usize {
        let mut removed = 0;
        for _ in 0..SWEEP.min(self.entries.len()) {
            self.hand = self.before_hand(1);
            if self.entries.rank(self.hand, now).is_none() {
                self.remove_at(self.hand);
                removed += 1;
            }
        }
        removed
    }

    /// Evicts one of a sample of entries: an expired one, else the unspent one that ends first, else a spent one. Returns
    /// whether it was live, or `None` if the shard is empty.
    pub(super) fn evict(&mut self, now: Timestamp) -> Option<bool> {
        let place = self.sample().min_by_key(|place| self.entries.rank(*place, now))?;
        let live = self.entries.rank(place, now).is_some();
        self.hand = self.before_hand(RUN.min(self.entries.len()));
        self.remove_at(place);
        Some(live)
    }

    /// Returns the places of a sample: a few runs of entries, at the hand and as far as possible from each other. Clients
    /// that came at the same time are neighbours, and may all be spent.
    fn sample(&self) -> impl Iterator<Item = usize> {
        let count = self.entries.len();
        let steps = move |step: usize| step / RUN * (count / RUNS) + step % RUN + 1;
        let is_small = count < RUNS * RUN;
        (0..count.min(RUNS * RUN))
            .map(move |step| self.before_hand(if is_small { step + 1 } else { steps(step) }))
    }

    /// Returns the place some steps before the hand, which moves downwards and from the first entry to the last.
    ///
    /// A removed entry is replaced by the last one, which the hand has already passed. A hand that moves upwards would
    /// have to check that entry again and again, and would not reach the others.
    fn before_hand(&self, steps: usize) -> usize {
        let count = self.entries.len();
        // The last entries may have been removed since.
        let hand = self.hand.min(count);
        if hand >= steps { hand - steps } else { hand + count - steps }
    }

    /// Removes all entries and frees the memory; returns their number.
    pub(super) fn reset(&mut self) -> usize {
        std::mem::take(self).entries.len()
    }

    /// Returns the place of an entry. It is valid until another entry is added or removed.
    #[inline]
    pub(super) fn place(&self, digest: u128) -> Option<usize> {
        self.places.find(hash(digest), |place| self.entries.get(place).is_of(digest))
    }

    /// Removes an entry; the last one moves to its place.
    fn remove_at(&mut self, place: usize) {
        let last = self.entries.len() - 1;
        self.places.remove(self.entries.get(place).hash(), place);
        if place != last {
            self.places.replace(self.entries.get(last).hash(), last, place);
        }
        self.entries.swap_remove(place);
    }
}

/// Returns the half of a digest that finds an entry within its shard. The other half chooses the shard.
fn hash(digest: u128) -> u64 {
    let [low, _] = halves(digest);
    low
}
