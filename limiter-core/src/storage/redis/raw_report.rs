use crate::{
    Policy, Strategy, Timestamp, Window,
    strategy::State,
    window::{HitOutcome, NEVER},
};

/// The report of a script on one hit, from which its window is computed.
///
/// The computation uses the functions of the memory storage. The script returns the record they start from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RawReport {
    pub(super) was_taken: bool,
    /// Set if the window is elastic and ends one window from now, not at the end in the record.
    pub(super) is_moved: bool,
    /// The time of the decision, in microseconds.
    pub(super) at: u64,
    /// The three numbers of the record. Their meaning depends on the strategy.
    pub(super) record: [u64; 3],
}

impl RawReport {
    /// Returns the window after a hit of this cost, if it was taken, or at a test of this cost.
    pub(super) fn window(&self, policy: &Policy, cost: u64) -> Window {
        let Some(state) = self.state(policy, self.is_moved) else {
            return self.moving_window(policy, cost);
        };
        whole_micros_of(state.test(policy, cost, self.time()))
    }

    /// Returns the window at a test of `cost`, as if `taken` had been refunded and no end had been moved.
    pub(super) fn window_without(&self, policy: &Policy, cost: u64, taken: u64) -> Window {
        let Some(mut state) = self.state(policy, false) else {
            return self.moving_window_without(policy, cost, taken);
        };
        let stamp = nanos(self.stamp(policy.strategy(), policy.window() / 1000));
        state.refund_stamped(policy, taken, stamp, self.time());
        whole_micros_of(state.test(policy, cost, self.time()))
    }

    /// Returns the stamp by which a script finds a hit that it has taken, in microseconds.
    pub(super) fn stamp(&self, strategy: Strategy, window: u64) -> u64 {
        let [a, b, _] = self.record;
        match strategy {
            Strategy::FixedWindow => a,
            Strategy::FixedWindowElasticExpiry => b,
            Strategy::SlidingWindowCounter => a.saturating_sub(2 * window),
            Strategy::MovingWindow | Strategy::TokenBucket => self.at,
        }
    }

    /// Returns the state on the server, or `None` for a moving window, whose log stays there.
    fn state(&self, policy: &Policy, is_moved: bool) -> Option<State> {
        let [a, b, c] = self.record;
        let counters = match policy.strategy() {
            Strategy::FixedWindow => [nanos(a), b, c],
            Strategy::FixedWindowElasticExpiry if is_moved => {
                [nanos(b), nanos(self.at).saturating_add(policy.window()), c]
            }
            Strategy::FixedWindowElasticExpiry => [nanos(b), nanos(a), c],
            Strategy::SlidingWindowCounter => [nanos(a).saturating_sub(2 * policy.window()), b, c],
            Strategy::TokenBucket => [nanos(a).saturating_add(b), 0, 0],
            Strategy::MovingWindow => return None,
        };
        State::from_counters(policy, counters)
    }

    /// Returns the report of a moving window.
    ///
    /// Its record is the units used, then the instants of two hits. The first is the oldest; the cost passes when the
    /// second has left the window.
    fn moving_window(&self, policy: &Policy, cost: u64) -> Window {
        let [used, oldest, last] = self.record;
        let until_left =
            |instant| nanos(instant).saturating_add(policy.window()).saturating_sub(nanos(self.at));
        let remaining = policy.amount().saturating_sub(used);
        let is_allowed = cost <= remaining || policy.overdraws(cost, remaining);
        let window = Window {
            outcome: HitOutcome::new(is_allowed, policy.amount()),
            remaining,
            reset: if oldest == 0 { 0 } else { until_left(oldest) },
            retry_after: if last == 0 { NEVER } else { until_left(last) },
            stamp: if is_allowed { nanos(self.at) } else { used.saturating_sub(policy.amount()) },
        };
        window.of_policy(policy)
    }

    /// Returns the report of a moving window without `taken`.
    ///
    /// The units missing for the cost, and the hits that free them, are the same before and after earlier hits.
    fn moving_window_without(&self, policy: &Policy, cost: u64, taken: u64) -> Window {
        let [used, oldest, last] = self.record;
        let used = used.saturating_sub(taken);
        let oldest = if used == 0 { 0 } else { oldest };
        let last = if cost > policy.amount() { 0 } else { last };
        Self { record: [used, oldest, last], ..*self }.moving_window(policy, cost)
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_nanos(nanos(self.at))
    }
}

/// Rounds the times of a window up. The server's clock counts microseconds, so a wait must end after its next tick.
fn whole_micros_of(mut window: Window) -> Window {
    window.reset = whole_micros(window.reset);
    window.retry_after = whole_micros(window.retry_after);
    window
}

fn whole_micros(nanos: u64) -> u64 {
    if nanos == NEVER { NEVER } else { nanos.div_ceil(1000) * 1000 }
}

fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(1000)
}
