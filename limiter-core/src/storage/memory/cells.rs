use crate::{
    Policy, Timestamp, Window,
    storage::{Decision, Hit},
    strategy::State,
};

/// The counts of one client that are more than a few numbers.
#[derive(Debug, Default)]
pub(super) struct Cells(Vec<Cell>);

/// The count of one policy.
#[derive(Debug)]
pub(super) struct Cell {
    /// Which policy, by all bits of its id but the lowest; that one says whether the count was spent when it
    /// last changed.
    policy: u64,
    state: State,
}

const SPENT: u64 = 1;

/// How many policies one client can be counted under in one scope. More only come about when limits change
/// by the request; then the count that is worth least makes way.
const MOST_CELLS: usize = 64;

impl Cells {
    /// Finds a count: mostly at the place of its limit in the batch.
    #[inline]
    pub(super) fn place(&self, policy: &Policy, guess: usize) -> Option<usize> {
        let is_it = |cell: &Cell| cell.is_of(policy);
        if self.0.get(guess).is_some_and(is_it) { Some(guess) } else { self.0.iter().position(is_it) }
    }

    pub(super) fn test(&self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        match self.place(policy, 0) {
            Some(place) => self.0[place].state.test(policy, cost, now),
            None => State::untouched(policy, cost),
        }
    }

    /// Returns the report, and how many live counts had to make way.
    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> (Window, u64) {
        let (place, evicted) = match self.place(policy, 0) {
            Some(place) => (place, 0),
            None => self.add(policy, now),
        };
        (self.0[place].hit(policy, cost, now), evicted)
    }

    /// Whether all these limits pass; none when they have not each a count of their own here.
    pub(super) fn pass(&self, limits: &[Hit<'_>], now: Timestamp) -> Option<bool> {
        let (mut seen, mut pass) = (0_u64, true);
        for (index, hit) in limits.iter().enumerate() {
            let place = self.place(hit.policy, index)?;
            if seen >> place & 1 == 1 {
                return None;
            }
            seen |= 1 << place;
            pass &= hit.shadow || hit.cost <= self.0[place].state.remaining(hit.policy, now);
        }
        Some(pass)
    }

    /// Hits limits that pass; tells whether anything has changed.
    pub(super) fn hit_all(&mut self, limits: &[Hit<'_>], now: Timestamp, decision: &mut Decision) -> bool {
        let mut is_changed = false;
        for (index, hit) in limits.iter().enumerate() {
            let (policy, cost) = (hit.policy, hit.cost);
            decision.push(match self.place(policy, index) {
                Some(place) if !policy.ignores(cost) => {
                    let window = self.0[place].hit(policy, cost, now);
                    is_changed |= window.is_allowed() || policy.is_elastic();
                    window
                }
                _ => self.test(policy, cost, now),
            });
        }
        is_changed
    }

    pub(super) fn refund(&mut self, hit: &Hit<'_>, stamp: u64, now: Timestamp) {
        if let Some(place) = self.place(hit.policy, 0) {
            self.0[place].refund(hit, stamp, now);
        }
    }

    /// Forgets one count; tells whether any is left.
    pub(super) fn clear(&mut self, policy: &Policy) -> bool {
        self.0.retain(|cell| !cell.is_of(policy));
        !self.0.is_empty()
    }

    /// The count that is worth most; none when all have expired.
    pub(super) fn rank(&self, now: Timestamp) -> Option<(bool, Timestamp)> {
        self.0.iter().filter_map(|cell| cell.rank(now)).max()
    }

    /// Adds a count, in the place of another that has expired or if there are too many; returns its place, and
    /// how many live counts are lost by it.
    #[cold]
    fn add(&mut self, policy: &Policy, now: Timestamp) -> (usize, u64) {
        let fresh = Cell::new(policy);
        let expired = self.0.iter().position(|cell| cell.rank(now).is_none());
        if expired.is_none() && self.0.len() < MOST_CELLS {
            // Most clients have a few; growth by doubling would leave half of that empty.
            self.0.reserve_exact(1);
            self.0.push(fresh);
            return (self.0.len() - 1, 0);
        }
        let least = || (0..self.0.len()).min_by_key(|place| self.0[*place].rank(now)).unwrap_or(0);
        let place = expired.unwrap_or_else(least);
        self.0[place] = fresh;
        (place, u64::from(expired.is_none()))
    }
}

impl FromIterator<Cell> for Cells {
    fn from_iter<I: IntoIterator<Item = Cell>>(cells: I) -> Self {
        Self(cells.into_iter().collect())
    }
}

impl Cell {
    pub(super) fn new(policy: &Policy) -> Self {
        Self::of(policy, State::new(policy), false)
    }

    pub(super) fn of(policy: &Policy, state: State, spent: bool) -> Self {
        Self { policy: policy.id() & !SPENT | u64::from(spent), state }
    }

    #[inline]
    fn is_of(&self, policy: &Policy) -> bool {
        (self.policy ^ policy.id()) & !SPENT == 0
    }

    fn note_spent(&mut self, window: &Window) {
        self.policy = self.policy & !SPENT | u64::from(window.remaining() == 0);
    }

    fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let window = self.state.hit(policy, cost, now);
        self.note_spent(&window);
        window
    }

    fn refund(&mut self, hit: &Hit<'_>, stamp: u64, now: Timestamp) {
        self.state.refund_stamped(hit.policy, hit.cost, stamp, now);
        self.note_spent(&self.state.test(hit.policy, 0, now));
    }

    /// Orders what should leave first: unspent counts by their end, then spent ones by their end. None when it
    /// has expired.
    pub(super) fn rank(&self, now: Timestamp) -> Option<(bool, Timestamp)> {
        let expires = self.state.expires();
        (expires > now).then_some((self.policy & SPENT != 0, expires))
    }
}
