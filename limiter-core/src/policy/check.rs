//! Checks that a quota, a strategy and a burst fit together.

use super::{Policy, PolicyError};
use crate::Strategy;

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
    use crate::Quota;

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
