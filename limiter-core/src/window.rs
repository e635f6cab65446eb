//! Reports of hits and tests.

use std::{fmt, time::Duration};

#[cfg(feature = "storage")]
use crate::Policy;

/// The state of one limit for one client after a hit or a test.
///
/// All times are durations from the moment of the decision, so that they do not depend on the clock of the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Window {
    pub(crate) outcome: HitOutcome,
    pub(crate) remaining: u64,
    /// In nanoseconds.
    pub(crate) reset: u64,
    /// In nanoseconds; [`NEVER`] if no wait helps or none is needed.
    pub(crate) retry_after: u64,
    /// Of an admitted hit, the instant by which a refund finds it in the storage; see `Refund`. A refused one took nothing,
    /// so there it is the amount that is used beyond the quota.
    pub(crate) stamp: u64,
}

pub(crate) const NEVER: u64 = u64::MAX;

/// The amount of the quota and whether the cost passed, packed in one word because reports are copied often.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct HitOutcome(u64);

impl HitOutcome {
    /// Creates an outcome for a quota of `limit`, which has at most 15 digits.
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

impl fmt::Debug for HitOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_allowed() { "allowed" } else { "refused" };
        write!(f, "{word} by a limit of {}", self.limit())
    }
}

impl Window {
    /// Returns the same window, field by field, for places where its fields are known one by one.
    ///
    /// The compiler makes a plain copy one of 16 bytes at a time. Each takes two fields that were just written, and for
    /// that, the processor waits until both are in the cache. Decisions of two limits take a quarter longer then.
    #[inline]
    pub(crate) fn by_fields(self) -> Self {
        // A rotation by nothing is left out, but only after the compiler has looked for plain copies.
        let same = |field: u64| field.rotate_left(0);
        Self {
            outcome: self.outcome,
            remaining: same(self.remaining),
            reset: same(self.reset),
            retry_after: same(self.retry_after),
            stamp: same(self.stamp),
        }
    }

    /// Creates the report of an admitted hit.
    #[cfg(feature = "remote")]
    pub(crate) fn admitted(limit: u64, remaining: u64, reset: u64, stamp: u64) -> Self {
        Self { outcome: HitOutcome::new(true, limit), remaining, reset, retry_after: NEVER, stamp }
    }

    /// Returns whether the cost passed (hit) or would pass (test).
    pub fn is_allowed(&self) -> bool {
        self.outcome.is_allowed()
    }

    /// Returns the amount of the quota.
    pub fn limit(&self) -> u64 {
        self.outcome.limit()
    }

    /// Returns the amount left now.
    ///
    /// It exceeds [`limit`](Self::limit) only for a token bucket with a larger burst.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Returns the time until quota is freed.
    ///
    /// That is when the window ends (fixed, elastic), when the next unit is freed (moving, sliding) or when the
    /// bucket is full (token bucket). It is zero if nothing is used.
    pub fn reset(&self) -> Duration {
        Duration::from_nanos(self.reset)
    }

    /// Returns the shortest wait after which the refused cost passes, if no other hit takes quota first.
    ///
    /// Returns `None` if the cost passed, and if it never will because it exceeds the quota.
    pub fn retry_after(&self) -> Option<Duration> {
        (!self.is_allowed() && self.retry_after != NEVER).then(|| Duration::from_nanos(self.retry_after))
    }

    /// Returns the amount that is used beyond the quota, as far as a refused hit shows it: by metered hits, and by charges.
    /// It is zero after a hit that passed.
    pub fn overdrawn(&self) -> u64 {
        if self.is_allowed() { 0 } else { self.stamp }
    }

    /// Returns the window with another wait, if it has refused a cost that a wait helps.
    pub fn retrying_after(mut self, wait: Duration) -> Self {
        if self.retry_after().is_some() {
            self.retry_after = u64::try_from(wait.as_nanos()).unwrap_or(NEVER - 1);
        }
        self
    }

    /// Returns the window with the times of a policy: a concurrent request may end at any time, so the wait is a second.
    #[cfg(feature = "storage")]
    pub(crate) fn of_policy(mut self, policy: &Policy) -> Self {
        const SECOND: u64 = 1_000_000_000;
        if policy.is_concurrent() {
            self.reset = self.reset.min(SECOND);
            if self.retry_after != NEVER {
                self.retry_after = SECOND;
            }
        }
        self
    }

    /// Returns the window after a refund of `cost`.
    pub fn refunded(mut self, cost: u64) -> Self {
        self.remaining = self.remaining.saturating_add(cost);
        if self.remaining >= self.limit() {
            self.reset = 0;
        }
        self
    }
}
