use super::Policy;
use crate::{Quota, Strategy};

/// Hits beyond the amount: metered policies, and charges.
impl Policy {
    /// Sets whether hits are estimates of a usage that is known later. Defaults to `false`.
    ///
    /// A hit of such a policy reserves its cost, and passes while at least 1 is left. The count may therefore exceed the
    /// amount, by less than the largest cost. If the usage was less, [refund](crate::storage::Storage::refund) the rest. If
    /// it was more, hit the count with the policy [`charging`](Self::charging).
    #[must_use]
    pub fn with_metered(mut self, metered: bool) -> Self {
        self.metered = metered;
        self.with_id()
    }

    /// Returns whether hits are estimates; see [`with_metered`](Self::with_metered).
    pub fn is_metered(&self) -> bool {
        self.metered
    }

    /// Returns a policy of the same count whose hits always pass and take their cost beyond the amount.
    ///
    /// Fixed windows and sliding counters count above the amount. A moving window fills up to it. A token bucket goes
    /// into debt by at most one more burst. Such a hit is a charge and cannot be refunded.
    ///
    /// ```
    /// use limiter_core::{Policy, Quota, Strategy, Timestamp, strategy::State};
    ///
    /// let policy = Policy::new(Quota::per_minute(10), Strategy::FixedWindow);
    /// let (mut state, now) = (State::new(&policy), Timestamp::from_millis(0));
    /// assert!(state.hit(&policy.charging(), 25, now).is_allowed());
    /// assert!(!state.hit(&policy, 1, now).is_allowed());
    /// ```
    #[must_use]
    pub fn charging(&self) -> Self {
        // A quota of 0 counts nothing.
        let max_cost = if self.capacity == 0 { 0 } else { u64::MAX };
        Self { charging: true, max_cost, ..self.clone() }
    }

    /// Returns whether each hit passes; see [`charging`](Self::charging).
    pub(crate) fn is_charging(&self) -> bool {
        self.charging
    }

    /// Returns whether a cost passes that is larger than what is left.
    #[inline]
    pub(crate) fn overdraws(&self, cost: u64, remaining: u64) -> bool {
        self.charging || self.metered && remaining > 0 && cost <= self.capacity
    }

    /// Returns the amount that must be left for a cost to pass.
    #[inline]
    pub(crate) fn needed(&self, cost: u64) -> u64 {
        if self.metered && cost <= self.capacity { cost.min(1) } else { cost }
    }

    /// Returns the count after a cost beyond the amount. It stays within the numbers that storages keep.
    pub(crate) fn overdrawn(&self, used: u64, cost: u64) -> u64 {
        used.saturating_add(cost).min(self.max_used().max(used))
    }

    /// Returns the largest count of a window with counters.
    pub(crate) fn max_used(&self) -> u64 {
        // Both counters of a sliding window share one number in memory, see `Numbers::needed`.
        let is_short = self.strategy == Strategy::SlidingWindowCounter && !self.keeps_used();
        match u32::try_from(self.amount()) {
            Ok(_) if is_short => u32::MAX.into(),
            _ => MAX_USED,
        }
    }

    /// Returns the largest cost that servers count with. Larger ones pass no more often, so they are reduced to it.
    #[cfg(any(feature = "mongodb", feature = "redis"))]
    pub(crate) fn max_counted(&self) -> u64 {
        if self.charging {
            return self.max_charge();
        }
        // Other hits of a batch on the count may have any other amount.
        let largest = if self.keeps_used() { Quota::MAX_AMOUNT } else { self.capacity };
        largest.saturating_add(1)
    }

    /// Returns the largest cost that a charge takes.
    #[cfg(any(feature = "mongodb", feature = "redis"))]
    pub(crate) fn max_charge(&self) -> u64 {
        match self.strategy {
            Strategy::MovingWindow => self.capacity,
            Strategy::TokenBucket => 2 * self.capacity,
            _ => Quota::MAX_AMOUNT,
        }
    }
}

/// The largest count. Exact in the doubles of scripts, with which they also calculate.
const MAX_USED: u64 = 4 * Quota::MAX_AMOUNT;
