use super::{
    chunked_vec::ChunkedVec,
    counters::Counters,
    entry::Entry,
    layout::{EntryLayout, Layouts, Slot},
    more_numbers::MoreNumbers,
    overflow::Overflow,
    saved::{RestoredEntry, SavedEntries},
};
use crate::{
    Policy, Timestamp, Window,
    storage::{Decision, Hit},
    strategy::{Numbers, State, WIDE},
};

/// The entries of a shard, addressed by their places.
///
/// The layout of an entry describes its numbers. The fifth to the eighth are stored apart, for the few entries that need
/// them. Counts that do not fit are in the overflow: a moving window, too many counts for one entry, or too many layouts
/// for the shard.
#[derive(Debug, Default)]
pub(super) struct Entries {
    list: ChunkedVec<Entry>,
    more: MoreNumbers,
    layouts: Layouts,
    overflow: Overflow,
}

/// An entry after the hits of a batch, to be stored if the whole batch is admitted.
pub(super) enum PreparedEntry {
    Narrow(usize, Entry),
    Wide(usize, Entry<WIDE>),
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
        if self.layout(&entry).is_some() {
            self.layouts.release(entry.layout);
        } else {
            self.overflow.remove(entry.overflow_place());
        }
        let last = self.list.len();
        if place != last && self.is_wide(&self.list[place]) {
            *self.more.get_mut(place) = self.more.get(last);
        }
        self.more.truncate(last);
    }

    fn is_wide(&self, entry: &Entry) -> bool {
        self.layouts.get_wide(entry.layout).is_some()
    }

    /// Returns the layout of an entry; `None` if its counts are in the overflow.
    fn layout(&self, entry: &Entry) -> Option<&EntryLayout> {
        self.layouts.get(entry.layout).or_else(|| self.layouts.get_wide(entry.layout))
    }

    /// Returns the entry with its further numbers, if it has any.
    fn wide(&self, place: usize) -> Entry<WIDE> {
        self.list[place].widened(self.more.get(place))
    }

    /// Tests a count, which need not exist.
    pub(super) fn test(&self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let entry = &self.list[place];
        match self.layout(entry) {
            Some(layout) => self.wide(place).test(layout, policy, cost, now),
            None => self.overflow.get(entry.overflow_place()).test(policy, cost, now.max(entry.newest)),
        }
    }

    /// Hits a count that is among the numbers of an entry that is not wide. Returns `None` for other counts. The policy
    /// does not ignore the cost.
    #[inline]
    pub(super) fn hit_number(&mut self, place: usize, hit: &Hit<'_>, now: Timestamp) -> Option<Window> {
        let entry = &mut self.list[place];
        // Where the count is depends on the layout. Of a client that is in no cache, both are loaded at once this way.
        entry.numbers.prefetch();
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
        if let Some(layout) = self.layouts.get_wide(entry.layout) {
            let hit = |slot| {
                let more = self.more.get_mut(place);
                change_wide(entry, more, |entry| entry.hit(slot, policy, cost, now))
            };
            return (layout.find(policy).map_or(State::untouched(policy, cost), hit), 0);
        }
        let counters = self.overflow.get_mut(entry.overflow_place());
        let is_full = counters.is_full(policy, now);
        let (window, evicted) = counters.hit(policy, cost, now);
        if window.is_allowed() && !is_full || policy.is_elastic() {
            entry.newest = now;
        }
        (window, evicted)
    }

    /// Makes room for a count. If the numbers are full, it replaces expired counts. If that is not enough, the entry
    /// becomes a wide one, and if that is full too, all counts move to the overflow.
    fn ensure_counter(&mut self, place: usize, policy: &Policy, now: Timestamp) {
        let entry = self.wide(place);
        let layout = self.layout(&self.list[place]).filter(|layout| layout.find(policy).is_none());
        let Some(layout) = layout else { return };
        let is_live = |slot: &Slot, policy: &Policy| entry.numbers.expires(slot.at(), policy) > now;
        let extended = entry.with_count(layout, |_, _| true, policy);
        let extended = extended.filter(|(layout, _)| !layout.is_wide());
        let extended = extended.or_else(|| entry.with_count(layout, is_live, policy));
        let extended =
            extended.and_then(|(layout, entry)| Some(entry.with_layout(self.layouts.acquire(layout)?)));
        match extended {
            Some(extended) => self.store(place, &extended),
            None => self.list[place] = self.move_to_overflow(&entry, now),
        }
        self.layouts.release(entry.layout);
    }

    fn store(&mut self, place: usize, entry: &Entry<WIDE>) {
        let (entry, more) = entry.split();
        self.list[place] = entry;
        if self.is_wide(&entry) {
            *self.more.get_mut(place) = more;
        }
    }

    fn move_to_overflow(&mut self, entry: &Entry<WIDE>, now: Timestamp) -> Entry {
        let layout = self.layouts.get(entry.layout).or_else(|| self.layouts.get_wide(entry.layout));
        let counters = layout.map_or_else(Counters::default, |layout| entry.counters(layout, now).collect());
        entry.split().0.with_overflow(self.overflow.insert(counters))
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
                // Most batches pass, so the hits are made at once and undone if need be. If they were made on a copy, the
                // processor would have to wait for what it has just written.
                let before = *entry;
                let pass = entry.hit_all(layout.slots(), limits, now, decision);
                if pass != Some(true) {
                    *entry = before;
                }
                pass
            }
            None => self.decide_wide(place, limits, now, decision),
        };
        if pass == Some(false) {
            self.refuse(place, limits, now, decision);
        }
        pass.is_some()
    }

    /// Hits limits of a wide entry or in the overflow, if all pass. It is not inlined, to keep the decisions of other
    /// entries short.
    #[inline(never)]
    fn decide_wide(
        &mut self,
        place: usize,
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> Option<bool> {
        let entry = &mut self.list[place];
        let Some(layout) = self.layouts.get_wide(entry.layout) else {
            return self.decide_overflow(place, limits, now, decision);
        };
        let more = self.more.get_mut(place);
        let mut copy = entry.widened(*more);
        let pass = copy.hit_all(layout.slots(), limits, now, decision);
        if pass == Some(true) {
            (*entry, *more) = copy.split();
        }
        pass
    }

    /// Hits limits whose counts are in the overflow, if all pass. A log is expensive to copy, so all limits are tested
    /// before any is hit. Deciding the batch as a transaction instead takes 3.5 times as many instructions.
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
            None if self.layouts.get_wide(entry.layout).is_some() => entry.note_refusal(cost),
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
        let Some(layout) = self.layouts.get(entry.layout) else {
            let layout = self.layouts.get_wide(entry.layout)?;
            let mut entry = self.wide(place);
            let pass = entry.hit_all(layout.slots(), limits, now, decision)?;
            return pass.then_some(PreparedEntry::Wide(place, entry));
        };
        let pass = entry.hit_all(layout.slots(), limits, now, decision)?;
        pass.then_some(PreparedEntry::Narrow(place, entry))
    }

    /// Stores a prepared entry. No entry may have been added or removed since.
    pub(super) fn commit(&mut self, prepared: &PreparedEntry) {
        match prepared {
            PreparedEntry::Narrow(place, entry) => self.list[*place] = *entry,
            PreparedEntry::Wide(place, entry) => self.store(*place, entry),
        }
    }

    pub(super) fn refund(&mut self, place: usize, hit: &Hit<'_>, stamp: u64, now: Timestamp) {
        let entry = &mut self.list[place];
        if let Some(layout) = self.layouts.get(entry.layout) {
            entry.refund(layout, hit, stamp, now);
        } else if let Some(layout) = self.layouts.get_wide(entry.layout) {
            let more = self.more.get_mut(place);
            change_wide(entry, more, |entry| entry.refund(layout, hit, stamp, now));
        } else {
            self.overflow.get_mut(entry.overflow_place()).refund(hit, stamp, now.max(entry.newest));
        }
    }

    /// Renews the lease of a concurrent request. Such counts are stored separately.
    pub(super) fn renew(&mut self, place: usize, hit: &Hit<'_>, stamp: u64, now: Timestamp) -> Option<u64> {
        let entry = &mut self.list[place];
        let is_inside =
            self.layouts.get(entry.layout).is_some() || self.layouts.get_wide(entry.layout).is_some();
        if is_inside {
            return None;
        }
        entry.newest = now.max(entry.newest);
        self.overflow.get_mut(entry.overflow_place()).renew(hit, stamp, entry.newest)
    }

    /// Clears a count; returns whether the entry has any left.
    pub(super) fn clear(&mut self, place: usize, policy: &Policy) -> bool {
        let entry = &mut self.list[place];
        if let Some(layout) = self.layouts.get(entry.layout) {
            entry.clear(layout, policy)
        } else if let Some(layout) = self.layouts.get_wide(entry.layout) {
            change_wide(entry, self.more.get_mut(place), |entry| entry.clear(layout, policy))
        } else {
            self.overflow.get_mut(entry.overflow_place()).clear(policy)
        }
    }

    /// Adds an entry to those for a file, unless all of its counts have expired.
    pub(super) fn save(&self, place: usize, now: Timestamp, saved: &mut SavedEntries) {
        let entry = self.wide(place);
        if self.rank(place, now).is_none() {
            return;
        }
        match self.layout(&self.list[place]) {
            Some(layout) => saved.add_inside(entry, layout),
            None => {
                saved.add_outside(entry, self.overflow.get(self.list[place].overflow_place()).saved(now));
            }
        }
    }

    /// Sets the counts of an entry that was just added to those of a file.
    pub(super) fn restore(&mut self, place: usize, restored: RestoredEntry) {
        match restored {
            RestoredEntry::Inside { entry, layout } => {
                if let Some(id) = self.layouts.acquire(layout.clone()) {
                    self.store(place, &entry.with_layout(id));
                } else {
                    let counters = entry.counters(&layout, entry.newest).collect();
                    self.list[place] = entry.split().0.with_overflow(self.overflow.insert(counters));
                }
            }
            RestoredEntry::Outside { entry, counters } => {
                self.list[place] = entry.with_overflow(self.overflow.insert(counters));
            }
        }
    }

    /// Returns the rank of the most valuable live count, or `None` if all have expired. Entries of low rank are evicted
    /// first.
    pub(super) fn rank(&self, place: usize, now: Timestamp) -> Option<(bool, Timestamp)> {
        let entry = &self.list[place];
        if let Some(layout) = self.layouts.get(entry.layout) {
            entry.rank(layout, now)
        } else if let Some(layout) = self.layouts.get_wide(entry.layout) {
            self.wide(place).rank(layout, now)
        } else {
            self.overflow.get(entry.overflow_place()).rank(now)
        }
    }
}

/// Changes an entry with its further numbers.
fn change_wide<T>(entry: &mut Entry, more: &mut Numbers, change: impl FnOnce(&mut Entry<WIDE>) -> T) -> T {
    let mut wide = entry.widened(*more);
    let result = change(&mut wide);
    (*entry, *more) = wide.split();
    result
}
