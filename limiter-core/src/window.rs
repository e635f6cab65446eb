//! What a hit or a look reports.

use std::{fmt, time::Duration};

/// How one limit stands for one client after a hit or a look.
///
/// Times are durations from the moment of the decision, so that they hold whatever the clock of the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Window {
    pub(crate) outcome: Outcome,
    pub(crate) remaining: u64,
    /// Nanoseconds.
    pub(crate) reset: u64,
    /// Nanoseconds; `NEVER` when no wait helps or none is needed.
    pub(crate) retry_after: u64,
    /// The instant by which the storage finds the hit again to give it back; see `Refund`.
    pub(crate) stamp: u64,
}

pub(crate) const NEVER: u64 = u64::MAX;

/// Whether the cost passed, and the amount of the quota, in one word: reports are copied often.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome(u64);

impl Outcome {
    /// Of an amount, which has 15 digits at most.
    #[inline]
    pub(crate) fn new(allowed: bool, limit: u64) -> Self {
        Self(limit << 1 | u64::from(allowed))
    }

    #[inline]
    pub(crate) fn is_allowed(self) -> bool {
        self.0 & 1 == 1
    }

    pub(crate) fn limit(self) -> u64 {
        self.0 >> 1
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_allowed() { "allowed" } else { "refused" };
        write!(f, "{word} by a limit of {}", self.limit())
    }
}

impl Window {
    /// Whether the cost passed (hit) or would pass (look).
    pub fn is_allowed(&self) -> bool {
        self.outcome.is_allowed()
    }

    /// The amount of the quota.
    pub fn limit(&self) -> u64 {
        self.outcome.limit()
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
        (!self.is_allowed() && self.retry_after != NEVER).then(|| Duration::from_nanos(self.retry_after))
    }

    /// The window as it stands after `cost` was given back to it.
    pub fn refunded(mut self, cost: u64) -> Self {
        self.remaining = self.remaining.saturating_add(cost);
        if self.remaining >= self.limit() {
            self.reset = 0;
        }
        self
    }
}
