//! Whether a quota, a strategy and a burst fit together.

use super::Policy;
use crate::{Quota, Strategy};

/// An error for a quota, a strategy and a burst that do not fit together, or that a storage cannot enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A burst was set, but the strategy is not the token bucket.
    #[error("a burst needs the strategy `token-bucket`, not `{0}`")]
    BurstWithoutBucket(Strategy),
    /// The bucket would take more than 100 years to fill.
    #[error("a burst of {burst} at `{quota}` takes more than 100 years to fill")]
    BurstTooLarge {
        /// The burst that was set.
        burst: u64,
        /// The quota that fills the bucket.
        quota: Quota,
    },
    /// A token bucket gains units in whole nanoseconds, which changes the rate by more than a thousandth.
    #[error(
        "a token bucket cannot refill `{quota}`: it gains units in whole nanoseconds, which changes this rate by more \
             than a thousandth; use at most 1000000 a second, or `sliding-window-counter`"
    )]
    RateTooHigh {
        /// The quota that fills the bucket.
        quota: Quota,
    },
    /// The window ends by the calendar, which only fixed windows do.
    #[error(
        "`{quota}` requires the strategy `fixed-window`, not `{strategy}`: its windows end by the calendar"
    )]
    CalendarWindow {
        /// The quota of the policy.
        quota: Quota,
        /// The strategy of the policy.
        strategy: Strategy,
    },
    /// The count survives a change of the amount, which that of a token bucket does not.
    #[error(
        "`keep_used` does not work with the strategy `token-bucket`, which stores when the bucket is full, and not how much \
             was used; use another strategy"
    )]
    KeepUsedWithBucket,
    /// The storage records each hit of a moving window, and the amount allows too many of them.
    #[error(
        "a moving window of `{quota}` remembers too many hits for this storage: at most {most}; \
             use `sliding-window-counter` or `token-bucket`"
    )]
    MovingWindowTooLarge {
        /// The quota of the policy.
        quota: Quota,
        /// The largest amount that this storage accepts.
        most: u64,
    },
    /// The storage records each request under way, and the amount allows too many of them.
    #[error("`{quota}` is more than this storage records: at most {most} concurrent")]
    TooManyConcurrent {
        /// The quota of the policy.
        quota: Quota,
        /// The largest amount that this storage accepts.
        most: u64,
    },
    /// The storage does not support limits of concurrent requests.
    #[error(
        "{storage} does not support limits of concurrent requests such as `{quota}`: {reason}; use Redis, Valkey, MongoDB or \
             memory"
    )]
    ConcurrentNotKept {
        /// The name of the storage.
        storage: &'static str,
        /// The quota of the policy.
        quota: Quota,
        /// The reason.
        reason: &'static str,
    },
    /// The storage does not support moving windows.
    #[error(
        "{storage} does not support moving windows: {reason}; use `sliding-window-counter` or `token-bucket`, \
             or another storage"
    )]
    MovingWindowNotKept {
        /// The name of the storage.
        storage: &'static str,
        /// The reason.
        reason: &'static str,
    },
}

impl Policy {
    /// Checks whether the strategy can count the quota. A limiter calls it while it is built.
    ///
    /// A token bucket gains one unit in a whole number of nanoseconds, rounded up. Without this check, one of
    /// `900000000/second` would refill 56 % of that.
    ///
    /// # Errors
    ///
    /// Returns an error if the rounding changes the rate of a token bucket by more than a thousandth, if the quota has
    /// calendar windows and the strategy is not the fixed window, or if a token bucket should keep what was used.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.quota.unit().is_calendar() && self.strategy != Strategy::FixedWindow {
            return Err(PolicyError::CalendarWindow { quota: self.quota, strategy: self.strategy });
        }
        if self.strategy != Strategy::TokenBucket {
            return Ok(());
        }
        if self.keep_used {
            return Err(PolicyError::KeepUsedWithBucket);
        }
        if self.quota.amount() == 0 {
            return Ok(());
        }
        let window = u128::from(self.window);
        let to_refill = u128::from(self.interval) * u128::from(self.quota.amount());
        if (to_refill - window) * 1000 > window {
            return Err(PolicyError::RateTooHigh { quota: self.quota });
        }
        Ok(())
    }

    /// Checks a log of hits against the most that a storage records.
    pub(crate) fn check_log(&self, most: u64) -> Result<(), PolicyError> {
        let quota = self.quota;
        if self.strategy != Strategy::MovingWindow || self.amount() <= most {
            return Ok(());
        }
        Err(if self.is_concurrent() {
            PolicyError::TooManyConcurrent { quota, most }
        } else {
            PolicyError::MovingWindowTooLarge { quota, most }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_bucket_keeps_its_rate_or_says_so() {
        let holds = |quota: Quota| Policy::new(quota, Strategy::TokenBucket).check().is_ok();
        for amount in [0, 1, 3, 7, 999_999, 1_000_000, 500_000_000, 1_000_000_000] {
            assert!(holds(Quota::per_second(amount)), "{amount}/second");
        }
        for amount in [900_000_000, 3_000_001, 1_500_000_000, Quota::MAX_AMOUNT] {
            assert!(!holds(Quota::per_second(amount)), "{amount}/second");
        }
        assert!(holds(Quota::per_day(900_000_000)), "a slow rate of a large amount");
        assert!(Policy::new(Quota::per_second(900_000_000), Strategy::FixedWindow).check().is_ok());
    }
}
