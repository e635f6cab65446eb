use smallvec::{SmallVec, smallvec};

use super::expiry::Expiry;
use crate::{Policy, Strategy, Timestamp, Window, strategy::State};

/// All counts of one client in one scope.
#[derive(Debug)]
pub(super) struct Entry {
    /// Of scope and key.
    pub(super) digest: u128,
    /// The newest time at which a count changed.
    newest: Timestamp,
    cells: SmallVec<[Cell; 1]>,
}

/// The count of one policy.
#[derive(Debug)]
struct Cell {
    policy: u64,
    expiry: Expiry,
    state: State,
}

/// How many policies one client can be counted under in one scope. More only come about when limits change
/// by the request; then the count that is worth least makes way.
const MOST_CELLS: usize = 64;

impl Entry {
    pub(super) fn new(digest: u128) -> Self {
        Self { digest, newest: Timestamp::default(), cells: smallvec![] }
    }

    pub(super) fn test(&self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let now = now.max(self.newest);
        match self.cells.iter().find(|cell| cell.policy == policy.id()) {
            Some(cell) => cell.state.test(policy, cost, now),
            None => State::untouched(policy, cost),
        }
    }

    /// Returns the report, and how many live counts had to make way.
    #[inline]
    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> (Window, u64) {
        let now = now.max(self.newest);
        let (cell, evicted) = self.cell(policy, now);
        let window = cell.state.hit(policy, cost, now);
        // Other refusals leave no trace, not even of their time.
        if window.is_allowed() || policy.strategy() == Strategy::FixedWindowElasticExpiry {
            cell.expiry = Expiry::new(cell.state.expires(policy).as_nanos(), window.remaining() == 0);
            self.newest = now;
        }
        (window, evicted)
    }

    pub(super) fn give_back(&mut self, policy: &Policy, cost: u64, stamp: u64, now: Timestamp) {
        let now = now.max(self.newest);
        if let Some(cell) = self.cells.iter_mut().find(|cell| cell.policy == policy.id()) {
            cell.state.give_back_stamped(policy, cost, stamp, now);
            let spent = cell.state.test(policy, 0, now).remaining() == 0;
            cell.expiry = Expiry::new(cell.state.expires(policy).as_nanos(), spent);
        }
    }

    /// Forgets one count; tells whether any is left.
    pub(super) fn clear(&mut self, policy: &Policy) -> bool {
        self.cells.retain(|cell| cell.policy != policy.id());
        !self.cells.is_empty()
    }

    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.rank(now).is_none()
    }

    /// Orders what should leave first: by the live count that is worth most; none when all have expired.
    pub(super) fn rank(&self, now: Timestamp) -> Option<(bool, u64)> {
        let live = |cell: &&Cell| !cell.expiry.has_passed(now.as_nanos());
        self.cells.iter().filter(live).map(|cell| cell.expiry.rank()).max()
    }

    fn cell(&mut self, policy: &Policy, now: Timestamp) -> (&mut Cell, u64) {
        if let Some(index) = self.cells.iter().position(|cell| cell.policy == policy.id()) {
            return (&mut self.cells[index], 0);
        }
        let fresh = Cell { policy: policy.id(), expiry: Expiry::new(0, false), state: State::new(policy) };
        if let Some((index, evicted)) = self.room(now) {
            self.cells[index] = fresh;
            return (&mut self.cells[index], evicted);
        }
        self.cells.push(fresh);
        let newest = self.cells.len() - 1;
        (&mut self.cells[newest], 0)
    }

    /// The cell that makes way for another, and how many live counts are lost by it; none when there is room.
    fn room(&self, now: Timestamp) -> Option<(usize, u64)> {
        if let Some(index) = self.cells.iter().position(|cell| cell.expiry.has_passed(now.as_nanos())) {
            return Some((index, 0));
        }
        if self.cells.len() < MOST_CELLS {
            return None;
        }
        let worth_least = |index: &usize| self.cells[*index].expiry.rank();
        (0..self.cells.len()).min_by_key(worth_least).map(|index| (index, 1))
    }
}
