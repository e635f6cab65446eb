use crate::{
    Policy, Strategy, Timestamp, Window,
    storage::{Decision, Hit, MAX_COUNTS_IN_SCOPE},
    strategy::{SavedState, State},
};

/// The counts of an entry whose counts do not fit into its numbers.
#[derive(Debug, Default)]
pub(super) struct Counters(Vec<Counter>);

/// The count of one policy.
#[derive(Debug)]
pub(super) struct Counter {
    /// The id of the policy without its two lowest bits. The lowest is set if the count was spent when it last changed, or
    /// has refused a cost since. The other is set if it counts concurrent requests.
    policy: u64,
    state: State,
}

const SPENT: u64 = 1;
const CONCURRENT: u64 = 2;
const FLAGS: u64 = SPENT | CONCURRENT;

impl Counters {
    /// Returns the place of a count. `guess` is checked first: usually it is the place of the limit in the batch.
    #[inline]
    fn place(&self, policy: &Policy, guess: usize) -> Option<usize> {
        let is_it = |counter: &Counter| counter.is_of(policy);
        if self.0.get(guess).is_some_and(is_it) { Some(guess) } else { self.0.iter().position(is_it) }
    }

    pub(super) fn test(&self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        match self.place(policy, 0) {
            Some(place) => self.0[place].state.test(policy, cost, now),
            None => State::untouched(policy, cost),
        }
    }

    /// Hits a count and adds it first if needed. Returns the report and the number of live counts that were evicted.
    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> (Window, u64) {
        let (place, evicted) = match self.place(policy, 0) {
            Some(place) => (place, 0),
            None => self.add(policy, now),
        };
        (self.0[place].hit(policy, cost, now), evicted)
    }

    /// Returns whether a hit would take nothing although it passes: a charge to a log that is full.
    pub(super) fn is_full(&self, policy: &Policy, now: Timestamp) -> bool {
        policy.is_charging()
            && policy.strategy() == Strategy::MovingWindow
            && self.test(policy, 0, now).remaining() == 0
    }

    /// Returns whether all limits pass, or `None` if not each has a count of its own here.
    pub(super) fn all_pass(&self, limits: &[Hit<'_>], now: Timestamp) -> Option<bool> {
        let (mut seen, mut pass) = (0_u64, true);
        for (index, hit) in limits.iter().enumerate() {
            let place = self.place(hit.policy, index)?;
            if seen >> place & 1 == 1 {
                return None;
            }
            seen |= 1 << place;
            let remaining = self.0[place].state.remaining(hit.policy, now);
            pass &= hit.shadow || hit.cost <= remaining || hit.policy.overdraws(hit.cost, remaining);
        }
        Some(pass)
    }

    pub(super) fn test_all(&self, limits: &[Hit<'_>], now: Timestamp, decision: &mut Decision) {
        for hit in limits {
            decision.push(self.test(hit.policy, hit.cost, now));
        }
    }

    /// Hits limits after [`all_pass`](Self::all_pass). Returns whether any count has changed.
    pub(super) fn hit_all(&mut self, limits: &[Hit<'_>], now: Timestamp, decision: &mut Decision) -> bool {
        let mut is_changed = false;
        for (index, hit) in limits.iter().enumerate() {
            let (policy, cost) = (hit.policy, hit.cost);
            decision.push(match self.place(policy, index) {
                Some(place) if !policy.ignores(cost) => {
                    let is_full = self.is_full(policy, now);
                    let window = self.0[place].hit(policy, cost, now);
                    is_changed |= window.is_allowed() && !is_full || policy.is_elastic();
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

    pub(super) fn renew(&mut self, hit: &Hit<'_>, stamp: u64, now: Timestamp) -> Option<u64> {
        let place = self.place(hit.policy, 0)?;
        self.0[place].state.renew(hit.policy, hit.cost, stamp, now)
    }

    /// Remembers that a count has refused a cost.
    pub(super) fn note_refusal(&mut self, policy: &Policy) {
        if let Some(place) = self.place(policy, 0) {
            self.0[place].policy |= SPENT;
        }
    }

    /// Removes a count; returns whether any is left.
    pub(super) fn clear(&mut self, policy: &Policy) -> bool {
        self.0.retain(|counter| !counter.is_of(policy));
        !self.0.is_empty()
    }

    /// Returns the rank of the most valuable count, or `None` if all have expired.
    pub(super) fn rank(&self, now: Timestamp) -> Option<(bool, Timestamp)> {
        self.0.iter().filter_map(|counter| counter.rank(now)).max()
    }

    /// Adds a count. It replaces an expired one, or the least valuable one if there are too many. Returns its place and
    /// the number of live counts that were evicted.
    #[cold]
    fn add(&mut self, policy: &Policy, now: Timestamp) -> (usize, u64) {
        let new = Counter::new(policy, State::new(policy), false);
        let expired = self.0.iter().position(|counter| counter.rank(now).is_none());
        if expired.is_none() && self.0.len() < MAX_COUNTS_IN_SCOPE {
            // Most clients have a few counts; doubling the capacity would waste half of it.
            self.0.reserve_exact(1);
            self.0.push(new);
            return (self.0.len() - 1, 0);
        }
        let least_valuable = || (0..self.0.len()).min_by_key(|place| self.0[*place].rank(now)).unwrap_or(0);
        let place = expired.unwrap_or_else(least_valuable);
        self.0[place] = new;
        (place, u64::from(expired.is_none()))
    }
}

impl Counters {
    /// Returns the counts that have not expired, for a file.
    pub(super) fn saved(&self, now: Timestamp) -> Vec<(u64, SavedState)> {
        self.0.iter().filter_map(|counter| counter.saved(now)).collect()
    }

    /// Returns the counts that [`saved`](Self::saved) returned, or `None` if they are none.
    pub(super) fn of_saved(saved: Vec<(u64, SavedState)>) -> Option<Self> {
        let counter = |(policy, state)| {
            let state = State::of_saved(state).filter(|_| policy & CONCURRENT == 0)?;
            Some(Counter { policy, state })
        };
        Some(saved).filter(|saved| saved.len() <= MAX_COUNTS_IN_SCOPE)?.into_iter().map(counter).collect()
    }
}

impl FromIterator<Counter> for Counters {
    fn from_iter<I: IntoIterator<Item = Counter>>(counters: I) -> Self {
        Self(counters.into_iter().collect())
    }
}

impl Counter {
    pub(super) fn new(policy: &Policy, state: State, spent: bool) -> Self {
        let concurrent = if policy.is_concurrent() { CONCURRENT } else { 0 };
        Self { policy: policy.id() & !FLAGS | concurrent | u64::from(spent), state }
    }

    /// Returns the count for a file. Concurrent requests end with their process.
    fn saved(&self, now: Timestamp) -> Option<(u64, SavedState)> {
        let is_kept = self.policy & CONCURRENT == 0 && self.rank(now).is_some();
        is_kept.then(|| (self.policy, self.state.saved()))
    }

    #[inline]
    fn is_of(&self, policy: &Policy) -> bool {
        (self.policy ^ policy.id()) & !FLAGS == 0
    }

    fn note_spent(&mut self, window: &Window) {
        self.policy = self.policy & !SPENT | u64::from(window.remaining() == 0 || !window.is_allowed());
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

    /// Returns the order of eviction: unspent counts by their end, then spent ones by their end. Returns `None` if the
    /// count has expired.
    fn rank(&self, now: Timestamp) -> Option<(bool, Timestamp)> {
        let expires = self.state.expires();
        (expires > now).then_some((self.policy & SPENT != 0, expires))
    }
}
