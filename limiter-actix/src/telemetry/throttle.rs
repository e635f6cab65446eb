//! Keeps a flood of refusals from filling the log.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use limiter_core::Timestamp;

/// The target of lines about single requests.
pub(super) const TARGET: &str = "limiter_actix::breach";

/// Lets a bounded number of lines through in each second, and counts the others.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// The second that `logged` is of, since the epoch and one more; 0 is none.
    second: AtomicU64,
    logged: AtomicU32,
    suppressed: AtomicU64,
}

/// How many lines are let through in a second.
const MAX_LINES: u32 = 100;

impl Throttle {
    /// Says something, unless enough has been said in this second. What was left out before is said first.
    pub(super) fn log(&self, now: Timestamp, log: impl FnOnce()) {
        let Some(suppressed) = self.try_acquire(now) else { return };
        if suppressed > 0 {
            tracing::info!(target: TARGET, suppressed, "lines like these were left out: there were too many");
        }
        log();
    }

    /// How many lines were left out since the last that was not; none when this one is left out, too.
    fn try_acquire(&self, now: Timestamp) -> Option<u64> {
        let second = now.as_nanos() / 1_000_000_000 + 1;
        // Of several threads one begins the second; a few lines more or less do no harm.
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
        // Mostly there is nothing to write.
        let suppressed = self.suppressed.load(Ordering::Relaxed);
        Some(if suppressed > 0 { self.suppressed.swap(0, Ordering::Relaxed) } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_lines() {
        let throttle = Throttle::default();
        let at = |millis| throttle.try_acquire(Timestamp::from_millis(millis));
        for _ in 0..MAX_LINES {
            assert_eq!(at(5_000), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(at(5_999), None);
        }
        // The next second begins anew, and knows what was left out.
        assert_eq!(at(6_000), Some(7));
        assert_eq!(at(6_000), Some(0));
    }

    #[test]
    fn threads_leave_out_together() {
        let throttle = Throttle::default();
        let now = Timestamp::from_millis(1_000);
        let logged: u32 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1000).filter(|_| throttle.try_acquire(now).is_some()).count()))
                .collect();
            let logged = threads.into_iter().map(|thread| thread.join().unwrap_or(usize::MAX));
            logged.map(|logged| u32::try_from(logged).unwrap_or(u32::MAX)).sum()
        });
        // Those that came while the second was begun may be said on top.
        assert!((MAX_LINES..2 * MAX_LINES).contains(&logged), "{logged}");
    }
}
