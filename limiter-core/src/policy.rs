//! Policies: quotas together with the way they are counted.

use std::{fmt, num::NonZeroU64, sync::Arc, time::Duration};

use crate::{Leases, Quota, Strategy, TimeZone, Timestamp, calendar::Calendar};

mod check;
mod error;
mod id;
#[cfg(feature = "remote")]
mod name;
mod overdraft;
#[cfg(feature = "redis")]
mod record_name;

pub use self::error::PolicyError;

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

    /// Sets a label that separates this policy from equal ones of the same scope.
    ///
    /// For example, it separates a default limit from an equal limit of the route.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<Arc<str>>) -> Self {
        self.label = label.into();
        self.with_id()
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

    /// Returns the calendar by which windows end, if they do.
    #[cfg(feature = "storage")]
    pub(crate) fn calendar(&self) -> Option<Calendar> {
        self.calendar
    }

    /// Returns whether it limits the requests that are under way together.
    pub fn is_concurrent(&self) -> bool {
        self.quota.unit().is_concurrent()
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
}

impl fmt::Display for Policy {
    /// Formats the quota, as refusals show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.quota.fmt(f)
    }
}
