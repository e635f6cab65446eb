use super::{
    counters::Counter,
    layout::{EntryLayout, LayoutId, Slot},
};
use crate::{
    Policy, Timestamp, Window,
    digest::halves,
    storage::{Decision, Hit},
    strategy::{NARROW, Numbers, State, WIDE},
};

/// The counts of one client in one scope, reduced to the data that differs between clients.
///
/// A wide entry is one with its further numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry<const ROOM: usize = NARROW> {
    /// 96 bits of the digest of scope and key.
    digest: [u32; 3],
    pub(super) layout: LayoutId,
    /// The largest cost that was refused, or 0. The largest value stands for all larger costs.
    refused: u16,
    /// The newest time at which a count changed.
    pub(super) newest: Timestamp,
    pub(super) numbers: Numbers<ROOM>,
}

impl Entry {
    pub(super) fn new(digest: u128) -> Self {
        Self { digest: short(digest), ..Self::default() }
    }

    /// Returns the entry with its counts at a place in the overflow.
    pub(super) fn with_overflow(self, place: usize) -> Self {
        Self { layout: LayoutId::OVERFLOW, numbers: Numbers::of_other(place as u64), ..self }
    }

    /// Returns the place of the counts in the overflow. Only for entries with [`LayoutId::OVERFLOW`].
    #[inline]
    pub(super) fn overflow_place(&self) -> usize {
        // `with_overflow` has stored a `usize`.
        usize::try_from(self.numbers.other()).unwrap_or(usize::MAX)
    }

    /// Returns the entry of a file.
    pub(super) fn of_saved(digest: u128, newest: Timestamp, refused: u16) -> Self {
        Self { refused, newest, ..Self::new(digest) }
    }

    #[inline]
    pub(super) fn is_of(&self, digest: u128) -> bool {
        self.digest == short(digest)
    }

    /// Returns the part of the digest that finds the entry within its shard.
    pub(super) fn hash(&self) -> u64 {
        let [low, middle, _] = self.digest.map(u64::from);
        middle << 32 | low
    }

    /// Returns the wide entry with these further numbers.
    #[inline]
    pub(super) fn widened(&self, more: Numbers) -> Entry<WIDE> {
        let Self { digest, layout, refused, newest, numbers } = *self;
        Entry { digest, layout, refused, newest, numbers: numbers.followed_by(more) }
    }
}

impl<const ROOM: usize> Entry<ROOM> {
    /// Returns the part of the digest that the entry stores, for a file.
    pub(super) fn digest(&self) -> u128 {
        let [low, middle, high] = self.digest.map(u128::from);
        high << 64 | middle << 32 | low
    }

    /// Returns the largest cost that was refused, for a file.
    pub(super) fn refused(&self) -> u16 {
        self.refused
    }
}

impl Entry<WIDE> {
    /// Returns the entry and its further numbers.
    #[inline]
    pub(super) fn split(&self) -> (Entry, Numbers) {
        let Self { digest, layout, refused, newest, numbers } = *self;
        let (numbers, more) = numbers.split();
        (Entry { digest, layout, refused, newest, numbers }, more)
    }
}

impl<const ROOM: usize> Entry<ROOM> {
    pub(super) fn with_layout(self, layout: LayoutId) -> Self {
        Self { layout, ..self }
    }

    pub(super) fn test(&self, layout: &EntryLayout, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        match layout.find(policy) {
            Some(slot) => self.numbers.test(slot.at(), policy, cost, now.max(self.newest)),
            None => State::untouched(policy, cost),
        }
    }

    /// Hits a count. The policy does not ignore the cost.
    #[inline]
    pub(super) fn hit(&mut self, slot: &Slot, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let now = now.max(self.newest);
        let window = self.numbers.hit(slot.at(), policy, cost, now);
        self.update_newest(policy, &window, now);
        if !window.is_allowed() {
            self.note_refusal(cost);
        }
        window
    }

    /// Remembers that a cost was refused, which makes the entry more valuable.
    #[inline]
    pub(super) fn note_refusal(&mut self, cost: u64) {
        self.refused = self.refused.max(u16::try_from(cost).unwrap_or(u16::MAX));
    }

    /// Hits limits and returns whether all pass, or `None` if not each has a slot of its own. Unless all pass, put
    /// back the entry as it was: some of its counts may have been hit.
    #[inline]
    pub(super) fn hit_all(
        &mut self,
        slots: &[Slot],
        limits: &[Hit<'_>],
        now: Timestamp,
        decision: &mut Decision,
    ) -> Option<bool> {
        let now = now.max(self.newest);
        let (mut pass, mut is_in_order) = (true, true);
        for (index, hit) in limits.iter().enumerate() {
            let (policy, cost) = (hit.policy, hit.cost);
            let slot = match slots.get(index) {
                Some(slot) if slot.is_of(policy) => slot,
                _ => {
                    is_in_order = false;
                    slots.iter().find(|slot| slot.is_of(policy))?
                }
            };
            let window = if policy.ignores(cost) {
                self.numbers.test(slot.at(), policy, cost, now).by_fields()
            } else {
                let window = self.numbers.hit(slot.at(), policy, cost, now);
                self.update_newest(policy, &window, now);
                window
            };
            pass &= hit.shadow || window.is_allowed();
            decision.push(window);
        }
        (is_in_order || are_distinct(limits)).then_some(pass)
    }

    /// Updates the newest time. Refusals leave no trace, except those that move the end of an elastic window.
    #[inline]
    fn update_newest(&mut self, policy: &Policy, window: &Window, now: Timestamp) {
        if window.is_allowed() || policy.is_elastic() {
            self.newest = now;
        }
    }

    pub(super) fn refund(&mut self, layout: &EntryLayout, hit: &Hit<'_>, stamp: u64, now: Timestamp) {
        if let Some(slot) = layout.find(hit.policy) {
            self.numbers.refund(slot.at(), hit.policy, hit.cost, stamp, now.max(self.newest));
        }
    }

    /// Clears a count; returns whether any is left.
    pub(super) fn clear(&mut self, layout: &EntryLayout, policy: &Policy) -> bool {
        if let Some(slot) = layout.find(policy) {
            slot.copy(&Numbers::default(), &mut self.numbers, slot.at());
        }
        self.numbers != Numbers::default()
    }

    /// Returns the rank of the most valuable live count, or `None` if all have expired.
    pub(super) fn rank(&self, layout: &EntryLayout, now: Timestamp) -> Option<(bool, Timestamp)> {
        let rank = |(slot, policy): (&Slot, &Policy)| {
            let expires = self.numbers.expires(slot.at(), policy);
            (expires > now).then(|| (self.is_spent(slot, policy, now), expires))
        };
        layout.counts().filter_map(rank).max()
    }

    /// Returns the counts for the overflow.
    pub(super) fn counters(&self, layout: &EntryLayout, now: Timestamp) -> impl Iterator<Item = Counter> {
        layout.counts().map(move |(slot, policy)| {
            Counter::new(policy, self.numbers.state(slot.at(), policy), self.is_spent(slot, policy, now))
        })
    }

    /// Returns whether nothing was left when a count last changed, or whether a cost that was refused would not pass
    /// yet.
    #[inline]
    fn is_spent(&self, slot: &Slot, policy: &Policy, now: Timestamp) -> bool {
        let remaining = |now| self.numbers.remaining(slot.at(), policy, now);
        let would_pass =
            || self.refused < u16::MAX && u64::from(self.refused) <= remaining(now.max(self.newest));
        remaining(self.newest) == 0 || self.refused > 0 && !would_pass()
    }

    /// Returns the entry with the counts that `keep` chooses and a new one behind them, and its layout. Returns `None`
    /// if they do not fit.
    pub(super) fn with_count(
        &self,
        layout: &EntryLayout,
        keep: impl Fn(&Slot, &Policy) -> bool,
        new: &Policy,
    ) -> Option<(EntryLayout, Self)> {
        let (mut other, mut entry) = (EntryLayout::default(), Self { numbers: Numbers::default(), ..*self });
        for (slot, policy) in layout.counts().filter(|(slot, policy)| keep(slot, policy)) {
            slot.copy(&self.numbers, &mut entry.numbers, other.push(policy)?.at());
        }
        other.push(new)?;
        Some((other, entry))
    }
}

/// Returns whether no two of the limits have the same count.
#[cold]
fn are_distinct(limits: &[Hit<'_>]) -> bool {
    let is_new = |(index, hit): (usize, &Hit<'_>)| {
        limits[..index].iter().all(|earlier| earlier.policy.id() != hit.policy.id())
    };
    limits.iter().enumerate().all(is_new)
}

/// Returns the part of a digest that an entry stores.
#[expect(clippy::cast_possible_truncation, reason = "only these parts are needed")]
fn short(digest: u128) -> [u32; 3] {
    let [low, high] = halves(digest);
    [low as u32, (low >> 32) as u32, high as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Storages have millions of entries.
    #[test]
    fn an_entry_is_less_than_a_cache_line() {
        assert_eq!(size_of::<Entry>(), 56);
    }
}
