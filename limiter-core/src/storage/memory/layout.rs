use smallvec::SmallVec;

use crate::{
    Policy,
    strategy::{NARROW, Numbers, WIDE},
};

/// The counts of an entry and the places of their numbers. Many clients have the same layout, so it is stored once.
#[derive(Clone, Debug, Default)]
pub(super) struct EntryLayout {
    slots: SmallVec<[Slot; NARROW]>,
    /// The policies of the slots, in the same order. They are separate, so that a decision reads little memory.
    policies: Vec<Policy>,
    /// Set if the counts need more numbers than an entry has.
    is_wide: bool,
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

    /// Returns whether the counts need [more numbers](super::more_numbers::MoreNumbers) than an entry has.
    pub(super) fn is_wide(&self) -> bool {
        self.is_wide
    }

    /// Returns how many numbers all counts have together.
    pub(super) fn numbers(&self) -> usize {
        self.slots.last().map_or(0, |last| usize::from(last.at + last.len))
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
        let end = usize::from(at + slot.len);
        if end > WIDE {
            return None;
        }
        self.is_wide = end > NARROW;
        self.slots.push(slot);
        self.policies.push(policy.clone());
        Some(slot)
    }
}

/// Compares the slots only: equal slots have equal policies, except for amounts that counts do not depend on.
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
    pub(super) fn copy<const ROOM: usize>(
        &self,
        from: &Numbers<ROOM>,
        numbers: &mut Numbers<ROOM>,
        to: usize,
    ) {
        numbers.copy(to, from, self.at(), self.len.into());
    }
}

/// The layouts that the entries of a shard have.
///
/// Those of wide entries are apart, so that decisions about other entries need not distinguish them.
#[derive(Debug)]
pub(super) struct Layouts {
    narrow: Vec<LayoutUse>,
    wide: Vec<LayoutUse>,
}

/// A layout and the number of its entries.
#[derive(Debug, Default)]
struct LayoutUse {
    layout: EntryLayout,
    entries: usize,
}

/// The index of a layout in its shard; from [`FIRST_WIDE`] on, that of a wide layout. The first layout has no counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LayoutId(u16);

impl LayoutId {
    /// The id of entries whose counts are in the overflow.
    pub(super) const OVERFLOW: Self = Self(u16::MAX);
}

const FIRST_WIDE: u16 = 1 << 15;

/// The maximum number of layouts of each width in a shard. Only limits that change by the request can need more.
const MAX_LAYOUTS: usize = 64;

impl Layouts {
    /// Returns the layout of an entry that is not wide and has no counts in the overflow.
    #[inline]
    pub(super) fn get(&self, id: LayoutId) -> Option<&EntryLayout> {
        self.narrow.get(usize::from(id.0)).map(|it| &it.layout)
    }

    /// Returns the layout of a wide entry.
    pub(super) fn get_wide(&self, id: LayoutId) -> Option<&EntryLayout> {
        self.wide.get(usize::from(id.0.checked_sub(FIRST_WIDE)?)).map(|it| &it.layout)
    }

    /// Returns the id of a layout for one more entry. Returns `None` if there are too many layouts.
    pub(super) fn acquire(&mut self, layout: EntryLayout) -> Option<LayoutId> {
        let (list, first) =
            if layout.is_wide() { (&mut self.wide, FIRST_WIDE) } else { (&mut self.narrow, 0) };
        let known = list.iter().position(|it| it.layout == layout);
        let place = known.or_else(|| add(list, layout))?;
        list[place].entries += 1;
        Some(LayoutId(first + u16::try_from(place).ok()?))
    }

    /// Notes that an entry no longer has this layout.
    pub(super) fn release(&mut self, id: LayoutId) {
        let used = match id.0.checked_sub(FIRST_WIDE) {
            Some(place) => self.wide.get_mut(usize::from(place)),
            None => self.narrow.get_mut(usize::from(id.0)),
        };
        if let Some(layout) = used {
            layout.entries = layout.entries.saturating_sub(1);
        }
    }
}

fn add(list: &mut Vec<LayoutUse>, layout: EntryLayout) -> Option<usize> {
    let new = LayoutUse { layout, entries: 0 };
    // The layout without counts is never replaced.
    let is_unused = |it: &LayoutUse| it.entries == 0 && !it.layout.slots.is_empty();
    let unused = list.iter().position(is_unused);
    match unused {
        Some(place) => list[place] = new,
        None if list.len() < MAX_LAYOUTS => list.push(new),
        None => return None,
    }
    Some(unused.unwrap_or(list.len() - 1))
}

impl Default for Layouts {
    fn default() -> Self {
        Self { narrow: vec![LayoutUse::default()], wide: Vec::new() }
    }
}
