use super::{
    Strategy, elastic_window::ElasticWindow, fixed_window::FixedWindow, moving_window::MovingWindow,
    sliding_window::SlidingWindow, token_bucket::TokenBucket,
};
use crate::{
    Policy, Timestamp, Window,
    window::{HitOutcome, NEVER},
};

#[cfg(any(feature = "memcached", feature = "mongodb", feature = "redis"))]
mod counters;
mod numbers;
mod saved;

pub(crate) use self::{
    numbers::{NARROW, Numbers, WIDE},
    saved::SavedState,
};

/// The state of one count.
///
/// A state belongs to one [`Policy`]. Pass the same one to each call, and times that never go backwards. A storage
/// replaces a time before the newest it has seen by that newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Fixed(FixedWindow),
    Elastic(ElasticWindow),
    // Boxed, so that its size does not burden the other strategies.
    Moving(Box<MovingWindow>),
    // The length is needed to compute the expiry. It fits beside the tag.
    Sliding(SlidingWindow, WindowSeconds),
    Bucket(TokenBucket),
}

/// The length of a window in whole seconds, at most 100 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WindowSeconds(u32);

impl WindowSeconds {
    fn of(policy: &Policy) -> Self {
        Self(u32::try_from(policy.window() / 1_000_000_000).unwrap_or(u32::MAX))
    }

    fn as_nanos(self) -> u64 {
        u64::from(self.0) * 1_000_000_000
    }
}

/// Calls a method of the state, whatever its strategy.
macro_rules! dispatch {
    ($kind:expr, $state:ident => $call:expr) => {
        match $kind {
            Kind::Fixed($state) => $call,
            Kind::Elastic($state) => $call,
            Kind::Moving($state) => $call,
            Kind::Sliding($state, _) => $call,
            Kind::Bucket($state) => $call,
        }
    };
}

impl State {
    /// Creates the state of an untouched count.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        Self(match policy.strategy() {
            Strategy::FixedWindow => Kind::Fixed(FixedWindow::default()),
            Strategy::FixedWindowElasticExpiry => Kind::Elastic(ElasticWindow::default()),
            Strategy::MovingWindow => Kind::Moving(Box::new(MovingWindow::new(policy))),
            Strategy::SlidingWindowCounter => {
                Kind::Sliding(SlidingWindow::default(), WindowSeconds::of(policy))
            }
            Strategy::TokenBucket => Kind::Bucket(TokenBucket::default()),
        })
    }

    /// Returns the report of a test on a new state, without creating one.
    pub(crate) fn untouched(policy: &Policy, cost: u64) -> Window {
        Window {
            outcome: HitOutcome::new(
                cost <= policy.capacity() || policy.overdraws(cost, policy.capacity()),
                policy.amount(),
            ),
            remaining: policy.capacity(),
            reset: 0,
            retry_after: NEVER,
            stamp: 0,
        }
    }

    /// Tests whether `cost` would pass now. Changes nothing.
    pub fn test(&self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let now = now.as_nanos();
        dispatch!(&self.0, state => state.test(policy, cost, now))
    }

    /// Returns the amount left now, as a test reports it but at less expense.
    #[inline]
    pub(crate) fn remaining(&self, policy: &Policy, now: Timestamp) -> u64 {
        let now = now.as_nanos();
        dispatch!(&self.0, state => state.remaining(policy, now))
    }

    /// Takes `cost` if it passes. A cost of 0 only tests.
    ///
    /// A refused hit takes nothing. Under the elastic strategy it moves the end of the window.
    #[inline]
    pub fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let now = now.as_nanos();
        if cost == 0 {
            return dispatch!(&self.0, state => state.test(policy, 0, now));
        }
        dispatch!(&mut self.0, state => state.hit(policy, cost, now))
    }

    /// Refunds `cost` of the hit that reported `taken`.
    ///
    /// The refund goes to the window of the hit and is dropped if that has ended. A token bucket regains the part
    /// that time has not already refilled.
    pub fn refund(&mut self, policy: &Policy, cost: u64, taken: &Window, now: Timestamp) {
        self.refund_stamped(policy, cost, taken.stamp, now);
    }

    /// Refunds `cost` as [`refund`](Self::refund), with the stamp of the hit's report.
    pub(crate) fn refund_stamped(&mut self, policy: &Policy, cost: u64, stamp: u64, now: Timestamp) {
        let now = now.as_nanos();
        dispatch!(&mut self.0, state => state.refund(policy, cost, stamp, now));
    }

    /// Renews the lease of a hit of `cost` on a count of concurrent requests. Returns its new stamp, or `None` if the lease
    /// has ended.
    pub(crate) fn renew(&mut self, policy: &Policy, cost: u64, stamp: u64, now: Timestamp) -> Option<u64> {
        match &mut self.0 {
            Kind::Moving(state) if policy.is_concurrent() => state.renew(policy, cost, stamp, now.as_nanos()),
            _ => None,
        }
    }

    /// Returns the time from which the state equals a new one.
    pub fn expires(&self) -> Timestamp {
        Timestamp::from_nanos(match &self.0 {
            Kind::Fixed(state) => state.end,
            Kind::Elastic(state) => state.end,
            Kind::Moving(state) => state.expires,
            Kind::Sliding(state, seconds) => state.expires(seconds.as_nanos()),
            Kind::Bucket(state) => state.full_at,
        })
    }
}
