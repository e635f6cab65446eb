use hashbrown::HashTable;

use super::entries::{Draft, Entries};
use crate::{
    Policy, Timestamp, Window,
    digest::halves,
    storage::{Decision, Hit},
    strategy::State,
};

/// Part of the entries, under one lock.
///
/// Entries lie side by side, so that it costs little to look at some in passing; the table holds only their
/// places, so that its growth moves four bytes a key.
#[derive(Debug, Default)]
pub(super) struct Shard {
    places: HashTable<u32>,
    entries: Entries,
    /// Where the search for expired entries goes on.
    hand: usize,
}

/// How many entries are looked at in passing when one is added: more than one, so that the expired ones
/// leave faster than new ones come.
const SWEEP: usize = 2;

/// Among how many entries one is chosen to leave when the storage is full.
const SAMPLE: usize = 32;

impl Shard {
    /// Looks at one count, which need not be there.
    pub(super) fn test(&self, digest: u128, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        match self.place(digest) {
            Some(place) => self.entries.test(place, policy, cost, now),
            None => State::untouched(policy, cost),
        }
    }

    /// Hits one count that is among the numbers of its entry; see [`Entries::hit_number`].
    #[inline]
    pub(super) fn hit_number(&mut self, digest: u128, hit: &Hit<'_>, now: Timestamp) -> Option<Window> {
        let place = self.place(digest)?;
        self.entries.hit_number(place, hit, now)
    }

    /// Hits one count of the entry at a place; see [`Entries::hit`].
    #[inline]
    pub(super) fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> (Window, u64) {
        self.entries.hit(place, policy, cost, now)
    }

    /// Decides limits of one entry; returns whether all their counts were there, else nothing is decided.
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

    /// See [`Entries::draft`].
    pub(super) fn draft(
        &self,
        digest: u128,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> Option<Draft> {
        self.entries.draft(self.place(digest)?, limits, now, decision)
    }

    /// Makes true what was drafted, before anything else was done.
    pub(super) fn keep(&mut self, draft: &Draft) {
        self.entries.keep(draft);
    }

    pub(super) fn refund(&mut self, digest: u128, hit: &Hit<'_>, stamp: u64, now: Timestamp) {
        if let Some(place) = self.place(digest) {
            self.entries.refund(place, hit, stamp, now);
        }
    }

    /// Forgets one count; tells whether its entry has left, for it was the last.
    pub(super) fn clear(&mut self, digest: u128, policy: &Policy) -> bool {
        let place = self.place(digest);
        let emptied = place.filter(|place| !self.entries.clear(*place, policy));
        if let Some(place) = emptied {
            self.remove_at(place);
        }
        emptied.is_some()
    }

    /// Adds an entry that is not there yet; returns its place.
    pub(super) fn insert(&mut self, digest: u128) -> usize {
        if self.places.len() == self.places.capacity() {
            self.rebuild();
        }
        let place = self.entries.push(digest);
        self.note(place);
        place
    }

    /// Makes a table with more room, or without the traces of what has left. In the order of the entries: in its own
    /// order, as a table grows by itself, each entry would be a cache miss, and this the slowest of all decisions.
    fn rebuild(&mut self) {
        let count = self.entries.len();
        self.places = HashTable::with_capacity(count + count / 8 + 3);
        (0..count).for_each(|place| self.note(place));
    }

    fn note(&mut self, place: usize) {
        let entries = &self.entries;
        self.places.insert_unique(entries.get(place).hash(), short(place), |place| {
            entries.get(*place as usize).hash()
        });
    }

    /// Removes a few expired entries, if there are any where the hand stands; tells how many.
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

    /// Removes one entry to make room: an expired one, else an unspent one near its end, else one that is
    /// spent, among the next few at the hand. Tells whether it was live; none when the shard is empty.
    pub(super) fn evict(&mut self, now: Timestamp) -> Option<bool> {
        let sample = (1..=self.entries.len().min(SAMPLE)).map(|step| self.before_hand(step));
        let place = sample.min_by_key(|place| self.entries.rank(*place, now))?;
        let live = self.entries.rank(place, now).is_some();
        self.hand = self.before_hand(SAMPLE.min(self.entries.len()));
        self.remove_at(place);
        Some(live)
    }

    /// The place some steps before the hand, which goes downwards and from the first to the last: what takes the
    /// place of a removed entry is the last one, which the hand has passed, and would hide the others from it if
    /// it went upwards.
    fn before_hand(&self, steps: usize) -> usize {
        let count = self.entries.len();
        // Not above the last, which may have left since.
        let hand = self.hand.min(count);
        if hand >= steps { hand - steps } else { hand + count - steps }
    }

    /// Forgets everything and frees the memory; tells how many entries there were.
    pub(super) fn reset(&mut self) -> usize {
        std::mem::take(self).entries.len()
    }

    /// Where the entry is, until another one is added or removed.
    #[inline]
    pub(super) fn place(&self, digest: u128) -> Option<usize> {
        let is_it = |place: &u32| self.entries.get(*place as usize).is_of(digest);
        self.places.find(hash(digest), is_it).map(|place| *place as usize)
    }

    /// The last entry takes the place of the removed one.
    fn remove_at(&mut self, place: usize) {
        let last = self.entries.len() - 1;
        let is_at = |place: usize| move |other: &u32| *other as usize == place;
        let removed = self.entries.get(place).hash();
        if let Ok(found) = self.places.find_entry(removed, is_at(place)) {
            found.remove();
        }
        if place != last {
            let moved = self.entries.get(last).hash();
            if let Some(moved) = self.places.find_mut(moved, is_at(last)) {
                *moved = short(place);
            }
        }
        self.entries.swap_remove(place);
    }
}

fn short(place: usize) -> u32 {
    // A shard of four thousand million entries would not fit into memory.
    u32::try_from(place).expect("a shard has fewer than 2^32 entries")
}

/// The part of a digest that finds an entry within its shard; the other half chooses the shard.
fn hash(digest: u128) -> u64 {
    let [low, _] = halves(digest);
    low
}
