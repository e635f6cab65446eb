//! Where the time comes from. It is always passed in, so that tests can move it.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, Utc};

/// A point in time, in nanoseconds since the Unix epoch.
///
/// Sums that leave the range (the year 2554) stay at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The point `nanos` nanoseconds after the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The point `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded up, as the `X-RateLimit-Reset` header has them.
    pub const fn as_secs_ceil(self) -> u64 {
        self.0.div_ceil(1_000_000_000)
    }

    /// The point `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl From<SystemTime> for Timestamp {
    /// Times before the epoch become the epoch.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, nanos))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Times before the epoch become the epoch.
    fn from(time: DateTime<Utc>) -> Self {
        SystemTime::from(time).into()
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(time: Timestamp) -> Self {
        // Half the range of u64 is the year 2262, which is as far as signed nanoseconds reach.
        Self::from_timestamp_nanos(i64::try_from(time.0).unwrap_or(i64::MAX))
    }
}

/// The nanoseconds of a duration; at most `u64::MAX`.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Tells the time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present time. It may stand still or go backwards; whoever uses it copes.
    fn now(&self) -> Timestamp;
}

/// The machine's monotonic clock, anchored to the Unix epoch when it is created.
///
/// Where the operating system has a coarse clock (Linux), that is used: it is several times cheaper and late
/// by at most one tick, 4 ms. Steps of the wall clock do not reach it.
#[derive(Debug)]
pub struct SystemClock {
    /// The epoch time at which the monotonic clock stood at zero.
    zero: u64,
}

impl SystemClock {
    /// Creates a clock that is anchored to the wall clock now.
    #[must_use]
    pub fn new() -> Self {
        Self { zero: Timestamp::from(SystemTime::now()).0.saturating_sub(monotonic_nanos()) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.zero.saturating_add(monotonic_nanos()))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn monotonic_nanos() -> u64 {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::MonotonicCoarse);
    // The monotonic clock starts near zero at boot: neither part is ever negative.
    let (seconds, nanos) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn monotonic_nanos() -> u64 {
    use std::{sync::LazyLock, time::Instant};

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    nanos(START.elapsed())
}

/// A clock that stands still until it is moved, for tests.
///
/// ```
/// use std::time::Duration;
/// use limiter_core::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::new(Timestamp::from_millis(5_000));
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(clock.now(), Timestamp::from_millis(6_000));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Creates a clock that stands at `time`.
    #[must_use]
    pub fn new(time: impl Into<Timestamp>) -> Self {
        Self(AtomicU64::new(time.into().0))
    }

    /// Moves the clock to `time`, which may be in its past.
    pub fn set(&self, time: impl Into<Timestamp>) {
        self.0.store(time.into().0, Ordering::Relaxed);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let later = |now: u64| Some(now.saturating_add(nanos(by)));
        // Never an error: `later` always gives a value.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}
