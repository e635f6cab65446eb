//! Keeps a flood of refusals from filling the log.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use limiter_core::Timestamp;

use super::TARGET;

/// Lets a bounded number of lines through in each second, and counts the others.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// The second that `said` is of, since the epoch and one more; 0 is none.
    second: AtomicU64,
    said: AtomicU32,
    left_out: AtomicU64,
}

/// How many lines are let through in a second.
const MOST: u32 = 100;

impl Throttle {
    /// Says something, unless enough has been said in this second. What was left out before is said first.
    pub(super) fn say(&self, now: Timestamp, say: impl FnOnce()) {
        let Some(left_out) = self.let_through(now) else { return };
        if left_out > 0 {
            tracing::info!(target: TARGET, left_out, "lines like these were left out: there were too many");
        }
        say();
    }

    /// How many lines were left out since the last that was not; none when this one is left out, too.
    fn let_through(&self, now: Timestamp) -> Option<u64> {
        let second = now.as_nanos() / 1_000_000_000 + 1;
        // Of several threads one begins the second; a few lines more or less do no harm.
        if self.second.load(Ordering::Relaxed) != second
            && self.second.swap(second, Ordering::Relaxed) != second
        {
            self.said.store(0, Ordering::Relaxed);
        }
        let is_full = || self.said.load(Ordering::Relaxed) >= MOST;
        if is_full() || self.said.fetch_add(1, Ordering::Relaxed) >= MOST {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        // Mostly there is nothing to write.
        let left_out = self.left_out.load(Ordering::Relaxed);
        Some(if left_out > 0 { self.left_out.swap(0, Ordering::Relaxed) } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_lines() {
        let throttle = Throttle::default();
        let at = |millis| throttle.let_through(Timestamp::from_millis(millis));
        for _ in 0..MOST {
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
        let said: u32 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1000).filter(|_| throttle.let_through(now).is_some()).count()))
                .collect();
            let said = threads.into_iter().map(|thread| thread.join().unwrap_or(usize::MAX));
            said.map(|said| u32::try_from(said).unwrap_or(u32::MAX)).sum()
        });
        // Those that came while the second was begun may be said on top.
        assert!((MOST..2 * MOST).contains(&said), "{said}");
    }
}
