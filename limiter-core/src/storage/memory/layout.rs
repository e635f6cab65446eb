use smallvec::SmallVec;

use crate::{Policy, strategy::Numbers};

/// The counts of an entry and the places of their numbers. Many clients have the same layout, so it is stored once.
#[derive(Clone, Debug, Default)]
pub(super) struct EntryLayout {
    slots: SmallVec<[Slot; Numbers::ROOM]>,
    /// The policies of the slots, in the same order. They are separate, so that a decision reads little memory.
    policies: Vec<Policy>,
}

/// The place of a policy's numbers in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The id of the policy.
    policy: u64,
    /// The place of the first number.
    at: u8,
    /// The number of numbers.
    len: u8,
}

impl EntryLayout {
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Returns the slots with their policies.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&Slot, &Policy)> {
        self.slots.iter().zip(&self.policies)
    }

    #[inline]
    pub(super) fn find(&self, policy: &Policy) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.is_of(policy))
    }

    /// Appends a slot for a policy. Returns `None` if its numbers do not fit.
    pub(super) fn push(&mut self, policy: &Policy) -> Option<Slot> {
        let at = self.slots.last().map_or(0, |last| last.at + last.len);
        let slot = Slot { policy: policy.id(), at, len: Numbers::needed(policy)? };
        if usize::from(at + slot.len) > Numbers::ROOM {
            return None;
        }
        self.slots.push(slot);
        self.policies.push(policy.clone());
        Some(slot)
    }
}

/// Compares the slots only: equal slots have equal policies.
impl PartialEq for EntryLayout {
    fn eq(&self, other: &Self) -> bool {
        self.slots == other.slots
    }
}

impl Slot {
    #[inline]
    pub(super) fn is_of(&self, policy: &Policy) -> bool {
        self.policy == policy.id()
    }

    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at.into()
    }

    /// Copies the numbers of this slot to another place.
    pub(super) fn copy(&self, from: &Numbers, numbers: &mut Numbers, to: usize) {
        numbers.copy(to, from, self.at(), self.len.into());
    }
}

/// The layouts that the entries of a shard have.
#[derive(Debug)]
pub(super) struct Layouts(Vec<LayoutUse>);

/// A layout and the number of its entries.
#[derive(Debug, Default)]
struct LayoutUse {
    layout: EntryLayout,
    entries: usize,
}

/// The index of a layout in its shard. The first layout has no counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LayoutId(u16);

impl LayoutId {
    /// The id of entries whose counts are in the overflow.
    pub(super) const OVERFLOW: Self = Self(u16::MAX);
}

/// The maximum number of layouts in a shard. Only limits that change by the request can need more.
const MAX_LAYOUTS: usize = 64;

impl Layouts {
    /// Returns a layout, or `None` for [`LayoutId::OVERFLOW`].
    #[inline]
    pub(super) fn get(&self, id: LayoutId) -> Option<&EntryLayout> {
        self.0.get(usize::from(id.0)).map(|it| &it.layout)
    }

    /// Returns the id of a layout for one more entry. Returns `None` if there are too many layouts.
    pub(super) fn acquire(&mut self, layout: EntryLayout) -> Option<LayoutId> {
        let known = self.0.iter().position(|it| it.layout == layout);
        let place = known.or_else(|| self.add(layout))?;
        let id = u16::try_from(place).ok()?;
        self.0[place].entries += 1;
        Some(LayoutId(id))
    }

    /// Notes that an entry no longer has this layout.
    pub(super) fn release(&mut self, id: LayoutId) {
        if let Some(layout) = self.0.get_mut(usize::from(id.0)) {
            layout.entries = layout.entries.saturating_sub(1);
        }
    }

    fn add(&mut self, layout: EntryLayout) -> Option<usize> {
        let new = LayoutUse { layout, entries: 0 };
        // The first layout, which has no counts, is never replaced.
        let unused = (1..self.0.len()).find(|place| self.0[*place].entries == 0);
        match unused {
            Some(place) => self.0[place] = new,
            None if self.0.len() < MAX_LAYOUTS => self.0.push(new),
            None => return None,
        }
        Some(unused.unwrap_or(self.0.len() - 1))
    }
}

impl Default for Layouts {
    fn default() -> Self {
        Self(vec![LayoutUse::default()])
    }
}
