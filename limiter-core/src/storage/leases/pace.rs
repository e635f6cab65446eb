//! The size of a lease, from the pace of this process and of all others.

use crate::{Leases, Window};

/// The use of a count by this process, and by all.
///
/// Nothing here decides whether a request is admitted: a wrong estimate makes a lease too small or too large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Pace {
    /// The units that requests of this process needed in a second.
    per_second: u64,
    /// Units needed since the time at which `per_second` was computed.
    used: u64,
    since: u64,
    /// The units that remained at the last report.
    remaining: u64,
    /// Units that requests of this process needed since that report.
    used_since_report: u64,
    /// The units that this process and all processes have charged of late.
    charged: u64,
    charged_by_all: u64,
}

/// The time after which the pace is computed anew, in nanoseconds.
const SPAN: u64 = 100_000_000;

/// The same while the pace is unknown. The first requests are calls, so a fleet that starts under load must soon lease.
const FIRST_SPAN: u64 = 10_000_000;

const SECOND: u64 = 1_000_000_000;

/// The least number of requests that a lease is worth a call for.
const MIN_REQUESTS: u64 = 4;

impl Pace {
    /// Notes that a request needs `units`.
    pub(super) fn note_use(&mut self, units: u64, now: u64) {
        let elapsed = now.saturating_sub(self.since);
        if elapsed >= if self.per_second == 0 { FIRST_SPAN } else { SPAN } {
            let per_second = scaled(self.used, SECOND, elapsed);
            self.per_second =
                if elapsed < SECOND { self.per_second.midpoint(per_second) } else { per_second };
            (self.since, self.used) = (now, 0);
        }
        self.used = self.used.saturating_add(units);
        self.used_since_report = self.used_since_report.saturating_add(units);
    }

    /// Notes the report of a charge of `units` by this process.
    pub(super) fn note_report(&mut self, units: u64, window: &Window, is_next_window: bool) {
        let before = if is_next_window { window.limit() } else { self.remaining };
        let by_all = before.saturating_sub(window.remaining).max(units);
        self.charged = self.charged.saturating_add(units);
        self.charged_by_all = self.charged_by_all.saturating_add(by_all);
        if self.charged_by_all > window.limit() / 4 {
            // What was used long ago counts less.
            self.charged = self.charged.div_ceil(2);
            self.charged_by_all = self.charged_by_all.div_ceil(2);
        }
        self.note_remaining(window.remaining);
    }

    /// Notes what remains.
    pub(super) fn note_remaining(&mut self, remaining: u64) {
        self.remaining = remaining;
        self.used_since_report = 0;
    }

    /// Returns what remained at the last report.
    pub(super) fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Returns how many units to take, if `units` are there already and the window lasts for `time_left`. `cost` is that
    /// of a usual request.
    pub(super) fn wanted(&self, leases: Leases, units: u64, cost: u64, time_left: u64) -> Option<u64> {
        let ahead = scaled(self.per_second, time_left.min(leases.nanos() / 2), SECOND);
        let all = self.charged_by_all.max(1).saturating_mul(leases.divisor());
        let target = ahead.min(scaled(self.estimated_remaining(), self.charged, all));
        // A lease is renewed before it is used up, so that requests need not wait.
        if units > target / 4 {
            return None;
        }
        Some(target - units).filter(|wanted| *wanted >= cost.saturating_mul(MIN_REQUESTS))
    }

    /// Returns what remains now, if the others have gone on as before.
    fn estimated_remaining(&self) -> u64 {
        let others = self.charged_by_all.saturating_sub(self.charged);
        self.remaining.saturating_sub(scaled(self.used_since_report, others, self.charged.max(1)))
    }
}

/// Returns `value * by / of`, rounded down and at most `u64::MAX`.
fn scaled(value: u64, by: u64, of: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(by) / u128::from(of.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::{HitOutcome, NEVER};

    const MS: u64 = 1_000_000;

    fn report(limit: u64, remaining: u64) -> Window {
        Window {
            outcome: HitOutcome::new(true, limit),
            remaining,
            reset: SECOND,
            retry_after: NEVER,
            stamp: 1,
        }
    }

    /// A process that uses `per_second` units, and charges one in `of` of what all do.
    fn pace(per_second: u64, of: u64, limit: u64, remaining: u64) -> Pace {
        let mut pace = Pace::default();
        pace.note_use(per_second, 0);
        pace.note_use(0, SECOND);
        pace.note_report(100, &report(limit, limit - 100 * of), true);
        pace.note_remaining(remaining);
        pace
    }

    #[test]
    fn all_leases_together_are_an_eighth_of_what_remains() {
        let wanted =
            |of, remaining| pace(1_000_000, of, 20_000, remaining).wanted(Leases::default(), 0, 1, SECOND);
        assert_eq!(wanted(1, 16_000), Some(2000), "one process");
        assert_eq!(wanted(8, 16_000), Some(250), "one of eight");
        assert_eq!(wanted(8, 320), Some(5));
        assert_eq!(wanted(8, 255), None, "too little remains");
        assert_eq!(wanted(8, 0), None);
    }

    #[test]
    fn a_lease_covers_half_of_its_duration_at_the_present_pace() {
        let wanted = |per_second, units, time_left| {
            pace(per_second, 1, 1_000_000, 900_000).wanted(Leases::default(), units, 1, time_left)
        };
        assert_eq!(wanted(1000, 0, SECOND), Some(500));
        assert_eq!(wanted(1000, 100, SECOND), Some(400), "what is there counts");
        assert_eq!(wanted(1000, 130, SECOND), None, "enough is there");
        assert_eq!(wanted(1000, 0, 100 * MS), Some(100), "the window ends");
        assert_eq!(wanted(0, 0, SECOND), None, "nobody comes");
    }

    #[test]
    fn what_others_use_meanwhile_is_estimated() {
        let mut pace = pace(1_000_000, 4, 20_000, 16_000);
        assert_eq!(pace.estimated_remaining(), 16_000);
        pace.note_use(1000, 3 * SECOND);
        assert_eq!(pace.estimated_remaining(), 13_000);
    }

    #[test]
    fn an_idle_process_forgets_its_pace() {
        let mut pace = pace(1000, 1, 1_000_000, 900_000);
        pace.note_use(1, 1000 * SECOND);
        assert_eq!(pace.per_second, 0);
    }
}
