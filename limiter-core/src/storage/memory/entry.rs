use super::cells::{Cell, Cells};
use crate::{
    Policy, Timestamp, Window,
    digest::halves,
    storage::{Decision, Hit},
    strategy::State,
};

/// All counts of one client in one scope: a cache line, when there is one count.
#[derive(Debug)]
pub(super) struct Entry {
    /// Of scope and key, in two halves: a whole one would be aligned to 16 bytes.
    digest: [u64; 2],
    /// The newest time at which a count changed.
    newest: Timestamp,
    cells: Cells,
}

/// How many policies one client can be counted under in one scope. More only come about when limits change
/// by the request; then the count that is worth least makes way.
const MOST_CELLS: usize = 64;

impl Entry {
    pub(super) fn new(digest: u128) -> Self {
        Self { digest: halves(digest), newest: Timestamp::default(), cells: Cells::default() }
    }

    #[inline]
    pub(super) fn is_of(&self, digest: u128) -> bool {
        self.digest == halves(digest)
    }

    /// What finds it within its shard.
    pub(super) fn hash(&self) -> u64 {
        self.digest[0]
    }

    pub(super) fn test(&self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        match self.cells.find(policy) {
            Some(cell) => cell.test(policy, cost, now.max(self.newest)),
            None => State::untouched(policy, cost),
        }
    }

    /// Decides limits of which each has a count of its own; returns how many live counts had to make way.
    /// `decision` is a new one: it is too large to be moved about.
    pub(super) fn decide(&mut self, limits: &[Hit<'_>], now: Timestamp, decision: &mut Decision) -> u64 {
        let is_admitted = limits.iter().all(|hit| hit.shadow || self.passes(hit, now));
        if !is_admitted {
            decision.refuse();
        }
        let mut evicted = 0;
        for hit in limits {
            let is_due = is_admitted || hit.policy.is_elastic() && !hit.shadow && !self.passes(hit, now);
            let window = if is_due && !hit.policy.ignores(hit.cost) {
                let (window, lost) = self.hit(hit.policy, hit.cost, now);
                evicted += lost;
                window
            } else {
                self.test(hit.policy, hit.cost, now)
            };
            decision.push(window);
        }
        evicted
    }

    #[inline]
    fn passes(&self, hit: &Hit<'_>, now: Timestamp) -> bool {
        let cell = self.cells.find(hit.policy);
        let remaining = cell.map(|cell| cell.remaining(hit.policy, now.max(self.newest)));
        hit.cost <= remaining.unwrap_or(hit.policy.capacity())
    }

    /// Returns the report, and how many live counts had to make way.
    #[inline]
    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> (Window, u64) {
        let now = now.max(self.newest);
        let (place, evicted) = match self.cells.place(policy) {
            Some(place) => (place, 0),
            None => self.add(policy, now),
        };
        let window = self.cells.as_mut_slice()[place].hit(policy, cost, now);
        // Other refusals leave no trace, not even of their time.
        if window.is_allowed() || policy.is_elastic() {
            self.newest = now;
        }
        (window, evicted)
    }

    pub(super) fn give_back(&mut self, policy: &Policy, cost: u64, stamp: u64, now: Timestamp) {
        let now = now.max(self.newest);
        if let Some(cell) = self.cells.find_mut(policy) {
            cell.give_back(policy, cost, stamp, now);
        }
    }

    /// Forgets one count; tells whether any is left.
    pub(super) fn clear(&mut self, policy: &Policy) -> bool {
        self.cells.remove(policy);
        !self.cells.as_slice().is_empty()
    }

    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        self.rank(now).is_none()
    }

    /// Orders what should leave first: by the live count that is worth most; none when all have expired.
    pub(super) fn rank(&self, now: Timestamp) -> Option<(bool, Timestamp)> {
        let live = self.cells.as_slice().iter().filter(|cell| !cell.has_expired(now));
        live.map(Cell::rank).max()
    }

    /// Adds a count, in the place of another that has expired or if there are too many; returns its place, and
    /// how many live counts are lost by it.
    #[cold]
    fn add(&mut self, policy: &Policy, now: Timestamp) -> (usize, u64) {
        let fresh = Cell::new(policy);
        let cells = self.cells.as_mut_slice();
        let expired = cells.iter().position(|cell| cell.has_expired(now));
        if expired.is_none() && cells.len() < MOST_CELLS {
            self.cells.push(fresh);
            return (self.cells.as_slice().len() - 1, 0);
        }
        let least = || (0..cells.len()).min_by_key(|place| cells[*place].rank()).unwrap_or(0);
        let place = expired.unwrap_or_else(least);
        cells[place] = fresh;
        (place, u64::from(expired.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What many of them take is what counts.
    #[test]
    fn an_entry_of_one_count_is_a_cache_line() {
        assert_eq!(size_of::<Entry>(), 64);
    }
}
