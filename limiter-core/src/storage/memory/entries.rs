use super::{
    chunked_vec::ChunkedVec,
    counters::Counters,
    entry::Entry,
    layout::{Layouts, Slot},
    overflow::Overflow,
};
use crate::{
    Policy, Timestamp, Window,
    storage::{Decision, Hit},
    strategy::State,
};

/// The entries of a shard, addressed by their places.
///
/// The layout of an entry describes its numbers. Counts that do not fit are in the overflow: a moving window, too many
/// counts for one entry, or too many layouts for the shard.
#[derive(Debug, Default)]
pub(super) struct Entries {
    list: ChunkedVec<Entry>,
    layouts: Layouts,
    overflow: Overflow,
}

/// An entry after the hits of a batch, to be stored if the whole batch is admitted.
pub(super) struct PreparedEntry {
    place: usize,
    entry: Entry,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> &Entry {
        &self.list[place]
    }

    /// Adds an entry without counts; returns its place.
    pub(super) fn push(&mut self, digest: u128) -> usize {
        self.list.push(Entry::new(digest))
    }

    /// Removes an entry; the last one moves to its place.
    pub(super) fn swap_remove(&mut self, place: usize) {
        let entry = self.list.swap_remove(place);
        if self.layouts.get(entry.layout).is_some() {
            self.layouts.release(entry.layout);
        } else {
            self.overflow.remove(entry.overflow_place());
        }
    }

    /// Tests a count, which need not exist.
    pub(super) fn test(&self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let entry = &self.list[place];
        match self.layouts.get(entry.layout) {
            Some(layout) => entry.test(layout, policy, cost, now),
            None => self.overflow.get(entry.overflow_place()).test(policy, cost, now.max(entry.newest)),
        }
    }

    /// Hits a count that is among the numbers of its entry. Returns `None` for other counts. The policy does not
    /// ignore the cost.
    #[inline]
    pub(super) fn hit_number(&mut self, place: usize, hit: &Hit<'_>, now: Timestamp) -> Option<Window> {
        let entry = &mut self.list[place];
        let slot = self.layouts.get(entry.layout)?.find(hit.policy)?;
        Some(entry.hit(slot, hit.policy, hit.cost, now))
    }

    /// Hits a count and adds it first if needed. Returns the report and the number of live counts that were evicted.
    /// The policy does not ignore the cost.
    pub(super) fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> (Window, u64) {
        let now = now.max(self.list[place].newest);
        self.ensure_counter(place, policy, now);
        let entry = &mut self.list[place];
        if let Some(layout) = self.layouts.get(entry.layout) {
            let hit = |slot| entry.hit(slot, policy, cost, now);
            return (layout.find(policy).map_or(State::untouched(policy, cost), hit), 0);
        }
        let (window, evicted) = self.overflow.get_mut(entry.overflow_place()).hit(policy, cost, now);
        if window.is_allowed() || policy.is_elastic() {
            entry.newest = now;
        }
        (window, evicted)
    }

    /// Makes room for a count. If the numbers are full, it replaces expired counts; if that is not enough, all counts
    /// move to the overflow.
    fn ensure_counter(&mut self, place: usize, policy: &Policy, now: Timestamp) {
        let entry = self.list[place];
        let layout = self.layouts.get(entry.layout).filter(|layout| layout.find(policy).is_none());
        let Some(layout) = layout else { return };
        let is_live = |slot: &Slot, policy: &Policy| entry.numbers.expires(slot.at(), policy) > now;
        let extended = entry.with_count(layout, |_, _| true, policy);
        let extended = extended.or_else(|| entry.with_count(layout, is_live, policy));
        let extended =
            extended.and_then(|(layout, entry)| Some(entry.with_layout(self.layouts.acquire(layout)?)));
        self.list[place] = extended.unwrap_or_else(|| self.move_to_overflow(&entry, now));
        self.layouts.release(entry.layout);
    }

    fn move_to_overflow(&mut self, entry: &Entry, now: Timestamp) -> Entry {
        let layout = self.layouts.get(entry.layout);
        let counters = layout.map_or_else(Counters::default, |layout| entry.counters(layout, now).collect());
        entry.with_overflow(self.overflow.insert(counters))
    }

    /// Decides limits if each has a count of its own here; returns whether that is so.
    #[inline]
    pub(super) fn decide(
        &mut self,
        place: usize,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> bool {
        let entry = &mut self.list[place];
        let pass = match self.layouts.get(entry.layout) {
            Some(layout) => {
                // Most batches pass, so the hits are made at once, on a copy.
                let mut copy = *entry;
                let pass = copy.hit_all(layout.slots(), limits, now, decision);
                if pass == Some(true) {
                    *entry = copy;
                }
                pass
            }
            None => self.decide_overflow(place, limits, now, decision),
        };
        if pass == Some(false) {
            self.refuse(place, limits, now, decision);
        }
        pass.is_some()
    }

    /// Hits limits whose counts are in the overflow, if all pass. A log is expensive to copy, so all limits are tested
    /// before any is hit. Without this, `four` of `benches/counts.txt` takes 3.5 times as many instructions.
    fn decide_overflow(
        &mut self,
        place: usize,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> Option<bool> {
        let entry = &mut self.list[place];
        let now = now.max(entry.newest);
        let counters = self.overflow.get_mut(entry.overflow_place());
        let pass = counters.all_pass(limits, now)?;
        if !pass {
            counters.test_all(limits, now, decision);
        } else if counters.hit_all(limits, now, decision) {
            entry.newest = now;
        }
        Some(pass)
    }

    /// Corrects the reports of a refused batch, which consumes nothing: limits that pass are tested again, and elastic
    /// windows that refuse are hit, which moves their ends. Deciding the batch anew instead would take `two-refused` of
    /// `benches/counts.txt` 1.7 times as many instructions.
    fn refuse(&mut self, place: usize, limits: &[Hit<'_>], now: Timestamp, decision: &mut Decision) {
        for (hit, window) in limits.iter().zip(decision.refuse()) {
            let (policy, cost) = (hit.policy, hit.cost);
            if !window.is_allowed() && !hit.shadow {
                self.note_refusal(place, policy, cost);
            }
            if !window.is_allowed() && !policy.is_elastic() {
                continue;
            }
            *window = self.test(place, policy, cost, now);
            if policy.is_elastic() && !hit.shadow && !window.is_allowed() && !policy.ignores(cost) {
                *window = self.hit(place, policy, cost, now).0;
            }
        }
    }

    /// Remembers that a count has refused a cost, so that the entry is evicted later.
    pub(super) fn note_refusal(&mut self, place: usize, policy: &Policy, cost: u64) {
        if policy.ignores(cost) {
            return;
        }
        let entry = &mut self.list[place];
        match self.layouts.get(entry.layout) {
            Some(_) => entry.note_refusal(cost),
            None => self.overflow.get_mut(entry.overflow_place()).note_refusal(policy),
        }
    }

    /// Hits limits on a copy of their entry, for batches over several entries. Returns `None` unless each has a count of
    /// its own among the numbers of the entry and all pass.
    #[inline]
    pub(super) fn prepare(
        &self,
        place: usize,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> Option<PreparedEntry> {
        let mut entry = self.list[place];
        let layout = self.layouts.get(entry.layout)?;
        let pass = entry.hit_all(layout.slots(), limits, now, decision)?;
        pass.then_some(PreparedEntry { place, entry })
    }

    /// Stores a prepared entry. No entry may have been added or removed since.
    pub(super) fn commit(&mut self, prepared: &PreparedEntry) {
        self.list[prepared.place] = prepared.entry;
    }

    pub(super) fn refund(&mut self, place: usize, hit: &Hit<'_>, stamp: u64, now: Timestamp) {
        let entry = &mut self.list[place];
        match self.layouts.get(entry.layout) {
            Some(layout) => entry.refund(layout, hit, stamp, now),
            None => self.overflow.get_mut(entry.overflow_place()).refund(hit, stamp, now.max(entry.newest)),
        }
    }

    /// Clears a count; returns whether the entry has any left.
    pub(super) fn clear(&mut self, place: usize, policy: &Policy) -> bool {
        let entry = &mut self.list[place];
        match self.layouts.get(entry.layout) {
            Some(layout) => entry.clear(layout, policy),
            None => self.overflow.get_mut(entry.overflow_place()).clear(policy),
        }
    }

    /// Returns the rank of the most valuable live count, or `None` if all have expired. Entries of low rank are evicted
    /// first.
    pub(super) fn rank(&self, place: usize, now: Timestamp) -> Option<(bool, Timestamp)> {
        let entry = &self.list[place];
        match self.layouts.get(entry.layout) {
            Some(layout) => entry.rank(layout, now),
            None => self.overflow.get(entry.overflow_place()).rank(now),
        }
    }
}
