use super::{
    Strategy, elastic_window::ElasticWindow, fixed_window::FixedWindow, moving_window::MovingWindow,
    sliding_window::SlidingWindow, token_bucket::TokenBucket,
};
use crate::{
    Policy, Timestamp, Window,
    window::{NEVER, Outcome},
};

#[cfg(any(feature = "memcached", feature = "mongodb", feature = "redis"))]
mod counters;
mod numbers;

pub(crate) use self::numbers::Numbers;

/// What one count remembers.
///
/// A state belongs to one [`Policy`]: it must be given the same one at each call, and times that never go
/// backwards (a storage takes a time before the newest it has seen as that newest).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Fixed(FixedWindow),
    Elastic(ElasticWindow),
    // Boxed, so that the other strategies do not pay for its size.
    Moving(Box<MovingWindow>),
    // With its length, by which to tell when it expires. Here it takes the room beside the tag.
    Sliding(SlidingWindow, WindowSeconds),
    Bucket(TokenBucket),
}

/// The length of a window: whole seconds, at most 100 years of them.
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

/// Calls a method of whichever strategy the state is of.
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
    /// The state of a count that nobody has touched.
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

    /// What a new state reports to a look, without making one.
    pub(crate) fn untouched(policy: &Policy, cost: u64) -> Window {
        Window {
            outcome: Outcome::new(cost <= policy.capacity(), policy.amount()),
            remaining: policy.capacity(),
            reset: 0,
            retry_after: NEVER,
            stamp: 0,
        }
    }

    /// Tells whether `cost` would pass now, and how the window stands. Changes nothing.
    pub fn test(&self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let now = now.as_nanos();
        dispatch!(&self.0, state => state.test(policy, cost, now))
    }

    /// What may be taken now: the same as a look reports, for less.
    #[inline]
    pub(crate) fn remaining(&self, policy: &Policy, now: Timestamp) -> u64 {
        let now = now.as_nanos();
        dispatch!(&self.0, state => state.remaining(policy, now))
    }

    /// Takes `cost` if it passes. A refused hit takes nothing; under the elastic strategy it moves the end of
    /// the window. A cost of 0 is a look.
    #[inline]
    pub fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        let now = now.as_nanos();
        if cost == 0 {
            return dispatch!(&self.0, state => state.test(policy, 0, now));
        }
        dispatch!(&mut self.0, state => state.hit(policy, cost, now))
    }

    /// Returns `cost` to the window which the hit that reported `taken` came from, or nowhere if that window
    /// is gone. A token bucket gets back what time has not already refilled.
    pub fn refund(&mut self, policy: &Policy, cost: u64, taken: &Window, now: Timestamp) {
        self.give_back_stamped(policy, cost, taken.stamp, now);
    }

    pub(crate) fn give_back_stamped(&mut self, policy: &Policy, cost: u64, stamp: u64, now: Timestamp) {
        let now = now.as_nanos();
        dispatch!(&mut self.0, state => state.refund(policy, cost, stamp, now));
    }

    /// The time from which the state is as good as a new one.
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
