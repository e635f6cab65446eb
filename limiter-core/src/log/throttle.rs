//! Bounds the rate of log events.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{Clock, SystemClock, Timestamp};

/// Permits at most some events in each interval, and counts the suppressed ones.
#[derive(Debug)]
pub struct Throttle {
    code: Option<&'static str>,
    max: u32,
    /// The length of an interval in nanoseconds.
    interval: u64,
    /// The number of the interval that `logged` counts, since the epoch, plus one. 0 is none.
    current: AtomicU64,
    logged: AtomicU32,
    suppressed: AtomicU64,
}

impl Throttle {
    /// The most events with one code in [`INTERVAL`](Self::INTERVAL).
    pub const MAX: u32 = 10;
    /// The interval of events with a code.
    pub const INTERVAL: Duration = Duration::from_secs(10);

    /// Creates the throttle of the events with this code.
    #[must_use]
    pub const fn of(code: &'static str) -> Self {
        Self::new(Some(code), Self::MAX, Self::INTERVAL)
    }

    /// Creates a throttle that permits one event for ever.
    #[must_use]
    pub const fn once(code: &'static str) -> Self {
        Self::new(Some(code), 1, Duration::MAX)
    }

    /// Creates a throttle of at most `max` events in each interval, which counts in whole seconds.
    #[must_use]
    pub const fn new(code: Option<&'static str>, max: u32, interval: Duration) -> Self {
        let nanos = interval.as_secs().saturating_mul(1_000_000_000);
        // It divides.
        let interval = if nanos == 0 { 1 } else { nanos };
        Self {
            code,
            max,
            interval,
            current: AtomicU64::new(0),
            logged: AtomicU32::new(0),
            suppressed: AtomicU64::new(0),
        }
    }

    /// Permits an event by the clock of the system. For events that are far from any decision.
    #[must_use]
    pub fn permit_now(&self) -> Option<Permit> {
        static CLOCK: LazyLock<SystemClock> = LazyLock::new(SystemClock::new);
        self.permit(CLOCK.now())
    }

    /// Permits an event, or counts it as suppressed.
    #[must_use]
    pub fn permit(&self, now: Timestamp) -> Option<Permit> {
        let current = now.as_nanos() / self.interval + 1;
        // One of several threads starts the interval. A few events more or less do no harm.
        if self.current.load(Ordering::Relaxed) != current
            && self.current.swap(current, Ordering::Relaxed) != current
        {
            self.logged.store(0, Ordering::Relaxed);
        }
        let is_full = || self.logged.load(Ordering::Relaxed) >= self.max;
        if is_full() || self.logged.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        // Read first: usually there is nothing to write.
        let suppressed = self.suppressed.load(Ordering::Relaxed);
        let suppressed = if suppressed > 0 { self.suppressed.swap(0, Ordering::Relaxed) } else { 0 };
        Some(Permit { code: self.code, suppressed })
    }
}

/// Permits an event that no request can cause, such as one while a limiter is built or reloaded.
#[must_use]
pub const fn unthrottled(code: Option<&'static str>) -> Option<Permit> {
    Some(Permit { code, suppressed: 0 })
}

/// The permit to log one event.
#[derive(Clone, Copy, Debug)]
pub struct Permit {
    code: Option<&'static str>,
    suppressed: u64,
}

impl Permit {
    /// Returns the code of the event.
    pub const fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// Returns the number of events that were suppressed since the last one.
    pub fn suppressed(&self) -> Option<u64> {
        (self.suppressed > 0).then_some(self.suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_a_second(max: u32) -> Throttle {
        Throttle::new(None, max, Duration::from_secs(1))
    }

    #[test]
    fn an_interval_has_at_most_its_maximum() {
        let throttle = of_a_second(100);
        let at = |millis| throttle.permit(Timestamp::from_millis(millis)).map(|it| it.suppressed());
        for _ in 0..100 {
            assert_eq!(at(5_000), Some(None));
        }
        for _ in 0..7 {
            assert_eq!(at(5_999), None);
        }
        // The next second starts at zero, and reports the suppressed events.
        assert_eq!(at(6_000), Some(Some(7)));
        assert_eq!(at(6_000), Some(None));
    }

    #[test]
    fn once_is_once() {
        let throttle = Throttle::once("L000");
        let times = [0, 1, 1_000, u64::MAX / 1_000_000].map(Timestamp::from_millis);
        let permits: Vec<_> = times.into_iter().filter_map(|now| throttle.permit(now)).collect();
        assert_eq!(permits.iter().map(Permit::code).collect::<Vec<_>>(), [Some("L000")]);
    }

    #[test]
    fn threads_share_the_maximum() {
        let throttle = of_a_second(100);
        let now = Timestamp::from_millis(1_000);
        let logged: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1000).filter(|_| throttle.permit(now).is_some()).count()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(usize::MAX)).sum()
        });
        // Events at the start of the second may exceed the maximum.
        assert!((100..200).contains(&logged), "{logged}");
    }
}
