//! Clocks and timestamps. Decisions take the time as an argument, so that tests can move it.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, Utc};

/// A point in time, in nanoseconds since the Unix epoch.
///
/// The range ends in the year 2554. Sums saturate there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Creates the timestamp `nanos` nanoseconds after the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Creates the timestamp `millis` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Returns the nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds since the Unix epoch, rounded up as in the `X-RateLimit-Reset` header.
    pub const fn as_secs_ceil(self) -> u64 {
        self.0.div_ceil(1_000_000_000)
    }

    /// Returns the timestamp `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl From<SystemTime> for Timestamp {
    /// Converts a time. Times before the epoch become the epoch.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, nanos))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// Converts a time. Times before the epoch become the epoch.
    fn from(time: DateTime<Utc>) -> Self {
        SystemTime::from(time).into()
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(time: Timestamp) -> Self {
        // Signed nanoseconds end in the year 2262; later timestamps become that end.
        Self::from_timestamp_nanos(i64::try_from(time.0).unwrap_or(i64::MAX))
    }
}

/// Returns the nanoseconds of a duration, at most `u64::MAX`.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A source of the current time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the current time. It may stand still or go backwards; storages handle both.
    fn now(&self) -> Timestamp;
}

/// The machine's monotonic clock, anchored to the Unix epoch when it is created.
///
/// On Linux and Android it uses the coarse clock, which is several times cheaper and late by at most one tick, 4 ms.
/// Steps of the wall clock do not affect it.
#[derive(Debug)]
pub struct SystemClock {
    /// The time at which the monotonic clock was zero, in nanoseconds since the epoch.
    zero: u64,
}

impl SystemClock {
    /// Creates a clock and anchors it to the current wall clock.
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

/// A clock for tests that stands still until it is moved.
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
    /// Creates a clock set to `time`.
    #[must_use]
    pub fn new(time: impl Into<Timestamp>) -> Self {
        Self(AtomicU64::new(time.into().0))
    }

    /// Sets the clock to `time`, which may be earlier than its current time.
    pub fn set(&self, time: impl Into<Timestamp>) {
        self.0.store(time.into().0, Ordering::Relaxed);
    }

    /// Moves the clock forward by a duration.
    pub fn advance(&self, by: Duration) {
        let later = |now: u64| Some(now.saturating_add(nanos(by)));
        // Never an error: `later` always returns a value.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}
