//! What a hit or a look reports.

use std::time::Duration;

/// How one limit stands for one client after a hit or a look.
///
/// Times are durations from the moment of the decision, so that they hold whatever the clock of the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Window {
    pub(crate) allowed: bool,
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Nanoseconds.
    pub(crate) reset: u64,
    /// Nanoseconds; `NEVER` when no wait helps or none is needed.
    pub(crate) retry_after: u64,
    /// The instant by which the storage finds the hit again to give it back; see `GiveBack`.
    pub(crate) stamp: u64,
}

pub(crate) const NEVER: u64 = u64::MAX;

impl Window {
    /// Whether the cost passed (hit) or would pass (look).
    pub fn is_allowed(&self) -> bool {
        self.allowed
    }

    /// The amount of the quota.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// What is left of the quota now; never more than [`limit`](Self::limit), except for a token bucket
    /// with a larger burst.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// The time until the window ends (fixed, elastic), the next unit is freed (moving, sliding) or the
    /// bucket is full (token bucket); zero when the window is untouched.
    pub fn reset(&self) -> Duration {
        Duration::from_nanos(self.reset)
    }

    /// The least wait after which this cost passes if nobody else hits. None when it passed, and when it
    /// never will because the cost is above the quota.
    pub fn retry_after(&self) -> Option<Duration> {
        (!self.allowed && self.retry_after != NEVER).then(|| Duration::from_nanos(self.retry_after))
    }

    /// The window as it stands after `cost` was given back to it.
    pub fn given_back(mut self, cost: u64) -> Self {
        self.remaining = self.remaining.saturating_add(cost);
        if self.remaining >= self.limit {
            self.reset = 0;
        }
        self
    }
}
