//! Limits the log events about single requests.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use limiter_core::Timestamp;

/// The target of log events about single requests.
pub(super) const TARGET: &str = "limiter_actix::breach";

/// Logs at most [`MAX_LINES`] events in each second, and counts the suppressed ones.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// The second that `logged` counts, since the epoch, plus one. 0 is none.
    second: AtomicU64,
    logged: AtomicU32,
    suppressed: AtomicU64,
}

/// The number of events logged in one second.
const MAX_LINES: u32 = 100;

impl Throttle {
    /// Calls `log` unless this second has had its events. Logs the number of suppressed ones first.
    pub(super) fn log(&self, now: Timestamp, log: impl FnOnce()) {
        if self.admits(now) {
            log();
        }
    }

    fn admits(&self, now: Timestamp) -> bool {
        let Some(suppressed) = self.try_acquire(now) else { return false };
        if suppressed > 0 {
            tracing::info!(target: TARGET, suppressed, "log events about requests suppressed: too many in one second");
        }
        true
    }

    /// Returns the number of events suppressed since the last one, or `None` if this one is suppressed too.
    fn try_acquire(&self, now: Timestamp) -> Option<u64> {
        let second = now.as_nanos() / 1_000_000_000 + 1;
        // One of several threads starts the second. A few events more or less do no harm.
        if self.second.load(Ordering::Relaxed) != second
            && self.second.swap(second, Ordering::Relaxed) != second
        {
            self.logged.store(0, Ordering::Relaxed);
        }
        let is_full = || self.logged.load(Ordering::Relaxed) >= MAX_LINES;
        if is_full() || self.logged.fetch_add(1, Ordering::Relaxed) >= MAX_LINES {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        // Read first: usually there is nothing to write.
        let suppressed = self.suppressed.load(Ordering::Relaxed);
        Some(if suppressed > 0 { self.suppressed.swap(0, Ordering::Relaxed) } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_at_most_max_lines() {
        let throttle = Throttle::default();
        let at = |millis| throttle.try_acquire(Timestamp::from_millis(millis));
        for _ in 0..MAX_LINES {
            assert_eq!(at(5_000), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(at(5_999), None);
        }
        // The next second starts at zero, and reports the suppressed events.
        assert_eq!(at(6_000), Some(7));
        assert_eq!(at(6_000), Some(0));
    }

    #[test]
    fn threads_share_the_maximum() {
        let throttle = Throttle::default();
        let now = Timestamp::from_millis(1_000);
        let logged: u32 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1000).filter(|_| throttle.try_acquire(now).is_some()).count()))
                .collect();
            let logged = threads.into_iter().map(|thread| thread.join().unwrap_or(usize::MAX));
            logged.map(|logged| u32::try_from(logged).unwrap_or(u32::MAX)).sum()
        });
        // Events at the start of the second may exceed the maximum.
        assert!((MAX_LINES..2 * MAX_LINES).contains(&logged), "{logged}");
    }
}
