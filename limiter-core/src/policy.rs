//! Policies: quotas together with the way they are counted.

use std::{fmt, num::NonZeroU64, sync::Arc, time::Duration};

use crate::{
    Leases, Quota, Strategy, TimeZone, Timestamp,
    calendar::Calendar,
    digest::{Digest, halves},
};

#[cfg(feature = "remote")]
mod name;
mod overdraft;
#[cfg(feature = "redis")]
mod record_name;

/// A quota with a strategy and an optional burst: the rule that a storage enforces.
///
/// Within one scope and key, each policy has its own count. Equal policies share a count unless their
/// [labels](Self::with_label) differ.
///
/// A quota of [concurrent requests](Quota::concurrent) is counted as the hits that are not refunded yet. Its strategy is
/// the moving window, whatever is passed, but its hits never leave the window by themselves. With a
/// [lease](Self::with_lease) they do. The count does not depend on the amount.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    quota: Quota,
    strategy: Strategy,
    label: Arc<str>,
    /// In nanoseconds. Of a calendar window the greatest length, and of concurrent requests the lease.
    window: u64,
    /// Set if windows end by the calendar.
    calendar: Option<Calendar>,
    /// Set if the count does not depend on the amount.
    keep_used: bool,
    /// Set if a hit passes while anything is left.
    metered: bool,
    /// Set if each hit passes, even beyond the amount. The count is the same without it.
    charging: bool,
    /// Set if units may be charged ahead of need.
    leases: Option<Leases>,
    /// The largest cost that can pass at once: the amount, or the burst of a token bucket.
    capacity: u64,
    /// The largest cost that can matter: the capacity, or any if each hit passes.
    max_cost: u64,
    /// The time in which a token bucket gains one unit, in nanoseconds.
    interval: u64,
    id: u64,
    #[cfg(feature = "redis")]
    record_name: record_name::RecordName,
}

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

const NANOS: u64 = 1_000_000_000;

impl Policy {
    /// Creates a policy. Calendar windows end in UTC.
    #[must_use]
    pub fn new(quota: Quota, strategy: Strategy) -> Self {
        let is_concurrent = quota.unit().is_concurrent();
        let strategy = if is_concurrent { Strategy::MovingWindow } else { strategy };
        let window = if is_concurrent { Quota::MAX_WINDOW_SECONDS } else { quota.window_seconds() } * NANOS;
        let policy = Self {
            quota,
            strategy,
            label: Arc::from(""),
            window,
            calendar: Self::calendar_of(quota, strategy, TimeZone::UTC),
            keep_used: false,
            metered: false,
            charging: false,
            leases: None,
            capacity: quota.amount(),
            max_cost: 0,
            // Rounded up, so that a bucket never gains more than the quota.
            interval: window.div_ceil(quota.amount().max(1)),
            id: 0,
            #[cfg(feature = "redis")]
            record_name: record_name::RecordName::default(),
        };
        policy.with_id()
    }

    /// Sets the capacity of a token bucket to `burst` units. Defaults to the amount of its quota.
    ///
    /// A quota of 0 refuses every hit, whatever the burst.
    ///
    /// # Errors
    ///
    /// Returns an error if the strategy is not the token bucket, or if the bucket would take over 100 years to fill.
    pub fn with_burst(mut self, burst: NonZeroU64) -> Result<Self, PolicyError> {
        let burst = burst.get();
        if self.strategy != Strategy::TokenBucket {
            return Err(PolicyError::BurstWithoutBucket(self.strategy));
        }
        let to_fill = u128::from(burst) * u128::from(self.interval);
        if to_fill > u128::from(Quota::MAX_WINDOW_SECONDS * NANOS) {
            return Err(PolicyError::BurstTooLarge { burst, quota: self.quota });
        }
        self.capacity = if self.quota.amount() == 0 { 0 } else { burst };
        Ok(self.with_id())
    }

    /// Sets the time zone in which calendar windows end. Defaults to UTC. Other windows do not depend on it.
    #[must_use]
    pub fn with_time_zone(mut self, zone: TimeZone) -> Self {
        self.calendar = Self::calendar_of(self.quota, self.strategy, zone);
        self.with_id()
    }

    /// Sets whether the count survives a change of the amount, such as a change of plan. Defaults to `false`.
    ///
    /// Policies that differ only in their amount then have the same count. It may exceed a smaller amount; nothing is left
    /// until enough of it has expired. A token bucket has no such count, see [`check`](Self::check).
    #[must_use]
    pub fn with_keep_used(mut self, keep_used: bool) -> Self {
        self.keep_used = keep_used;
        self.with_id()
    }

    /// Sets the time after which a concurrent request ends for the storage by itself, unless its lease is
    /// [renewed](crate::storage::Storage::renew). Other quotas do not depend on it. Defaults to 100 years.
    ///
    /// Processes that share a count need one, because a process may end without a refund.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        if self.is_concurrent() {
            let longest = Quota::MAX_WINDOW_SECONDS * NANOS;
            self.window = u64::try_from(lease.as_nanos()).unwrap_or(longest).clamp(1, longest);
        }
        self
    }

    /// Sets whether a storage [may charge units ahead of need](crate::Leases). Defaults to `None`. The count is the same.
    #[must_use]
    pub fn with_leases(mut self, leases: Option<Leases>) -> Self {
        self.leases = leases;
        self
    }

    fn calendar_of(quota: Quota, strategy: Strategy, zone: TimeZone) -> Option<Calendar> {
        if strategy == Strategy::FixedWindow { Calendar::of(quota.unit(), zone) } else { None }
    }

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

    /// Sets a label that separates this policy from equal ones of the same scope.
    ///
    /// For example, it separates a default limit from an equal limit of the route.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<Arc<str>>) -> Self {
        self.label = label.into();
        self.with_id()
    }

    /// Computes the id anew; every change of a field that makes a difference must end here.
    fn with_id(mut self) -> Self {
        let mut digest = Digest::new();
        digest.text(&self.label);
        let keeps_used = self.keeps_used();
        digest.word(0, if keeps_used { Self::ANY_AMOUNT } else { self.quota.amount() });
        digest.word(0, if self.is_concurrent() { 0 } else { self.window });
        digest.word(0, if keeps_used { Self::ANY_AMOUNT } else { self.capacity });
        digest.text(self.strategy.name());
        if self.is_concurrent() {
            digest.text("concurrent");
        }
        if self.metered {
            digest.text("metered");
        }
        if let Some(calendar) = self.calendar {
            digest.text(&self.quota.unit().to_string());
            digest.text(&calendar.zone().to_string());
        }
        let [id, _] = halves(digest.finish());
        self.id = id;
        self.max_cost = self.capacity;
        #[cfg(feature = "redis")]
        {
            self.record_name = record_name::RecordName::default();
        }
        self
    }

    /// Returns the quota.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Returns the strategy that counts the quota.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Returns the largest cost that can pass at once: the amount of the quota, or the burst of a token bucket.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Returns the label, which separates this policy from equal ones of its scope.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Stands in the id for all amounts. It is above the largest one.
    const ANY_AMOUNT: u64 = u64::MAX;

    /// Returns the calendar by which windows end, if they do.
    #[cfg(feature = "storage")]
    pub(crate) fn calendar(&self) -> Option<Calendar> {
        self.calendar
    }

    /// Returns whether policies with other amounts have the same count, which may then exceed the amount.
    pub(crate) fn keeps_used(&self) -> bool {
        (self.keep_used || self.is_concurrent()) && self.strategy != Strategy::TokenBucket
    }

    /// Returns whether it limits the requests that are under way together.
    pub fn is_concurrent(&self) -> bool {
        self.quota.unit().is_concurrent()
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

    /// Returns whether the count can be leased.
    ///
    /// With the other strategies, a unit that is used later than it was charged could exceed the limit.
    pub fn can_be_leased(&self) -> bool {
        self.strategy == Strategy::FixedWindow && !self.keep_used && !self.metered && !self.charging
    }

    /// Returns how units may be charged ahead of need, or `None` if they may not.
    #[cfg(feature = "remote")]
    pub(crate) fn leases(&self) -> Option<Leases> {
        self.leases.filter(|_| self.can_be_leased())
    }

    pub(crate) fn is_elastic(&self) -> bool {
        self.strategy == Strategy::FixedWindowElasticExpiry
    }

    /// Returns whether a hit of this cost changes nothing, whatever the strategy.
    #[inline]
    pub(crate) fn ignores(&self, cost: u64) -> bool {
        cost == 0 || cost > self.max_cost
    }

    pub(crate) fn amount(&self) -> u64 {
        self.quota.amount()
    }

    pub(crate) fn window(&self) -> u64 {
        self.window
    }

    /// Returns the end of a fixed window that begins at `now`, in nanoseconds.
    #[inline]
    pub(crate) fn window_end(&self, now: u64) -> u64 {
        match self.calendar {
            None => now.saturating_add(self.window),
            Some(calendar) => calendar.window_at(now).end,
        }
    }

    /// Returns the length of the window at a time, in whole seconds. It depends on the time only if the window ends by the
    /// calendar: a month has 28 to 31 days, and a day of daylight saving time 23 or 25 hours.
    pub fn window_seconds_at(&self, now: Timestamp) -> u64 {
        let Some(calendar) = self.calendar else { return self.quota.window_seconds() };
        let window = calendar.window_at(now.as_nanos());
        window.end.saturating_sub(window.start) / NANOS
    }

    /// Returns the ends between which a server chooses by its own clock, in nanoseconds and in ascending order. `None`
    /// unless windows end by the calendar.
    ///
    /// They are right for a server whose clock differs by less than half a window from `now`, the time of the caller.
    #[cfg(any(feature = "mongodb", feature = "redis"))]
    pub(crate) fn nearest_ends(&self, now: Timestamp) -> Option<[u64; 2]> {
        Some(self.calendar?.nearest_ends(now.as_nanos()))
    }

    pub(crate) fn interval(&self) -> u64 {
        self.interval
    }

    /// Returns the id of the count within a scope and key. Policies that have the same count have the same id, such as
    /// those that [keep what was used](Self::with_keep_used) and differ in their amount only.
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl fmt::Display for Policy {
    /// Formats the quota, as refusals show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.quota.fmt(f)
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
