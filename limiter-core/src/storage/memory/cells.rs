use crate::{Policy, Timestamp, Window, strategy::State};

/// The counts of one client in one scope, one for each policy.
///
/// Most clients have one, which lies right in the entry.
#[derive(Debug)]
pub(super) enum Cells {
    One(Cell),
    Many(Vec<Cell>),
}

/// The count of one policy.
#[derive(Debug)]
pub(super) struct Cell {
    /// Which policy, in all bits but the lowest; that one says whether the count is spent.
    policy: u64,
    state: State,
}

const SPENT: u64 = 1;

impl Cells {
    /// Where the count of a policy is.
    #[inline]
    pub(super) fn place(&self, policy: &Policy) -> Option<usize> {
        self.as_slice().iter().position(|cell| cell.is_of(policy))
    }

    #[inline]
    pub(super) fn find(&self, policy: &Policy) -> Option<&Cell> {
        self.as_slice().iter().find(|cell| cell.is_of(policy))
    }

    pub(super) fn find_mut(&mut self, policy: &Policy) -> Option<&mut Cell> {
        self.as_mut_slice().iter_mut().find(|cell| cell.is_of(policy))
    }

    pub(super) fn push(&mut self, cell: Cell) {
        *self = match std::mem::take(self) {
            Self::Many(cells) if cells.is_empty() => Self::One(cell),
            Self::One(first) => Self::Many(vec![first, cell]),
            Self::Many(mut cells) => {
                cells.push(cell);
                Self::Many(cells)
            }
        }
    }

    pub(super) fn remove(&mut self, policy: &Policy) {
        match self {
            Self::One(cell) if cell.is_of(policy) => *self = Self::default(),
            Self::One(_) => {}
            Self::Many(cells) => cells.retain(|cell| !cell.is_of(policy)),
        }
    }

    pub(super) fn as_slice(&self) -> &[Cell] {
        match self {
            Self::One(cell) => std::slice::from_ref(cell),
            Self::Many(cells) => cells,
        }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [Cell] {
        match self {
            Self::One(cell) => std::slice::from_mut(cell),
            Self::Many(cells) => cells,
        }
    }
}

impl Default for Cells {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Cell {
    pub(super) fn new(policy: &Policy) -> Self {
        Self { policy: policy.id() & !SPENT, state: State::new(policy) }
    }

    #[inline]
    fn is_of(&self, policy: &Policy) -> bool {
        (self.policy ^ policy.id()) & !SPENT == 0
    }

    #[inline]
    pub(super) fn remaining(&self, policy: &Policy, now: Timestamp) -> u64 {
        self.state.remaining(policy, now)
    }

    pub(super) fn test(&self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        self.state.test(policy, cost, now)
    }

    #[inline]
    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let window = self.state.hit(policy, cost, now);
        self.note_spent(&window);
        window
    }

    pub(super) fn give_back(&mut self, policy: &Policy, cost: u64, stamp: u64, now: Timestamp) {
        self.state.give_back_stamped(policy, cost, stamp, now);
        self.note_spent(&self.state.test(policy, 0, now));
    }

    #[inline]
    fn note_spent(&mut self, window: &Window) {
        self.policy = self.policy & !SPENT | u64::from(window.remaining() == 0);
    }

    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.state.expires() <= now
    }

    /// Orders what should leave first: unspent counts by their end, then spent ones by their end.
    pub(super) fn rank(&self) -> (bool, Timestamp) {
        (self.policy & SPENT != 0, self.state.expires())
    }
}
