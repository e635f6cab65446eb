//! The units that a process has leased of one count, and the window that they belong to.

use crate::Window;

/// Units that the storage has charged, and no request has used yet.
///
/// This is the protocol of leases: every unit that [`take`](Self::take) hands out was charged by the storage in the
/// window that is live when it is handed out. The page `docs/internals/leases.md` has the proof; `model.rs` checks it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Pool {
    window: Option<LiveWindow>,
    /// The older one first. Units of the older one are used first, so none stands unused for longer than its lease.
    grants: [Grant; 2],
}

/// A window of the count, as this process knows it. Times are those of the caller, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LiveWindow {
    /// The stamp of its hits, which is its end by the clock of the storage.
    stamp: u64,
    /// The window ends then or later.
    end: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Grant {
    units: u64,
    /// The time at which the storage was called. The clock of the caller must not have gone back before it.
    since: u64,
    until: u64,
}

/// Units to refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct UnusedUnits {
    pub(super) units: u64,
    pub(super) stamp: u64,
}

/// The clock of the caller is late by at most this much, in nanoseconds. One tick of the coarse clock takes 4 ms.
const MAX_LATENESS: u64 = 5_000_000;

/// The rates of two clocks differ by less than one part in this many.
const DRIFT: u64 = 1000;

impl Pool {
    /// Takes note of the window of an admitted hit, for which the storage was called at `called_at`. Returns whether that
    /// window is the one of the pool now. Late answers of earlier windows are not.
    pub(super) fn observe(&mut self, window: &Window, called_at: u64) -> bool {
        let end = called_at.saturating_add(window.reset);
        match &mut self.window {
            Some(live) if live.stamp == window.stamp => live.end = end,
            Some(live) if window.stamp < live.stamp && called_at < live.end => return false,
            // The units of a window that has ended are worth nothing.
            _ => *self = Self { window: Some(LiveWindow { stamp: window.stamp, end }), ..Self::default() },
        }
        true
    }

    /// Adds units from an admitted hit of that cost, for which the storage was called at `called_at`. They last for
    /// `duration` and not beyond their window. Returns them if they are of no use.
    ///
    /// All is counted from before the call: the storage has answered later, so its window ends later.
    pub(super) fn add(
        &mut self,
        units: u64,
        window: &Window,
        called_at: u64,
        duration: u64,
    ) -> Option<UnusedUnits> {
        if !self.observe(window, called_at) {
            return Some(UnusedUnits { units, stamp: window.stamp });
        }
        let lasts = duration.min(window.reset);
        let until = called_at.saturating_add(lasts.saturating_sub(MAX_LATENESS + lasts / DRIFT));
        let [older, newer] = self.grants;
        let kept = Grant {
            units: older.units + newer.units,
            since: older.since.max(newer.since),
            until: if older.units == 0 { newer.until } else { older.until },
        };
        self.grants = [kept, Grant { units, since: called_at, until }];
        None
    }

    /// Takes `cost` units. Returns how many are left, or `None` if there are not as many.
    pub(super) fn take(&mut self, cost: u64, now: u64) -> Option<u64> {
        let left = self.units(now).checked_sub(cost)?;
        let mut missing = cost;
        for grant in self.grants.iter_mut().filter(|grant| grant.is_usable(now)) {
            let taken = missing.min(grant.units);
            grant.units -= taken;
            missing -= taken;
        }
        Some(left)
    }

    /// Puts back units that were taken of the window with this stamp, and not used.
    pub(super) fn put_back(&mut self, units: u64, stamp: u64) {
        if self.stamp() == Some(stamp) {
            let [_, newer] = &mut self.grants;
            newer.units += units;
        }
    }

    /// Returns the number of units that can be used now.
    pub(super) fn units(&self, now: u64) -> u64 {
        self.grants.iter().filter(|grant| grant.is_usable(now)).map(|grant| grant.units).sum()
    }

    /// Removes the units whose lease has ended. Returns them if there are any.
    pub(super) fn expire(&mut self, now: u64) -> Option<UnusedUnits> {
        self.remove(|grant| !grant.is_usable(now))
    }

    /// Removes all units. Returns them if there are any.
    pub(super) fn drain(&mut self) -> Option<UnusedUnits> {
        self.remove(|_| true)
    }

    fn remove(&mut self, is_removed: impl Fn(&Grant) -> bool) -> Option<UnusedUnits> {
        let stamp = self.stamp()?;
        let removed = self.grants.iter_mut().filter(|grant| is_removed(grant));
        let units = removed.map(|grant| std::mem::take(&mut grant.units)).sum();
        (units > 0).then_some(UnusedUnits { units, stamp })
    }

    /// Returns whether there are units, usable or not.
    pub(super) fn is_empty(&self) -> bool {
        self.grants.iter().all(|grant| grant.units == 0)
    }

    /// Returns the stamp of the window.
    pub(super) fn stamp(&self) -> Option<u64> {
        self.window.map(|window| window.stamp)
    }

    /// Returns the time until the window ends, or `None` if it has ended or is unknown.
    pub(super) fn time_left(&self, now: u64) -> Option<u64> {
        self.window?.end.checked_sub(now).filter(|left| *left > 0)
    }
}

impl Grant {
    fn is_usable(&self, now: u64) -> bool {
        self.since <= now && now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::{HitOutcome, NEVER};

    const MS: u64 = 1_000_000;

    /// The report of a hit in a window that ends `reset` after the storage decided.
    fn report(stamp: u64, reset: u64) -> Window {
        Window { outcome: HitOutcome::new(true, 100), remaining: 50, reset, retry_after: NEVER, stamp }
    }

    #[test]
    fn units_last_until_shortly_before_the_end_of_the_window_counted_from_the_call() {
        let mut pool = Pool::default();
        assert_eq!(pool.add(10, &report(7, 500 * MS), 1000 * MS, 1000 * MS), None);
        assert_eq!(pool.take(4, 1494 * MS), Some(6));
        assert_eq!(pool.take(1, 1495 * MS), None, "the clock may be late");
        assert_eq!(pool.expire(1495 * MS), Some(UnusedUnits { units: 6, stamp: 7 }));
        assert_eq!(pool.expire(1495 * MS), None, "units are returned once");
    }

    #[test]
    fn units_of_a_lease_do_not_outlast_it_by_a_newer_one() {
        let mut pool = Pool::default();
        for at in [0, 900] {
            assert_eq!(pool.add(10, &report(7, 60_000 * MS - at * MS), at * MS, 1000 * MS), None);
        }
        assert_eq!(pool.units(950 * MS), 20);
        assert_eq!(pool.take(12, 950 * MS), Some(8), "the older ones first");
        assert_eq!(pool.expire(1100 * MS), None);
        let mut pool = Pool::default();
        for at in [0, 900] {
            pool.add(10, &report(7, 60_000 * MS - at * MS), at * MS, 1000 * MS);
        }
        assert_eq!(pool.expire(1100 * MS), Some(UnusedUnits { units: 10, stamp: 7 }));
        assert_eq!(pool.units(1100 * MS), 10);
    }

    #[test]
    fn a_late_answer_of_an_earlier_window_is_refunded_there() {
        let mut pool = Pool::default();
        assert!(pool.observe(&report(2000, 900 * MS), 1100 * MS));
        assert_eq!(
            pool.add(5, &report(1000, 50 * MS), 950 * MS, 1000 * MS),
            Some(UnusedUnits { units: 5, stamp: 1000 })
        );
        assert_eq!(pool.units(1200 * MS), 0);
    }

    #[test]
    fn units_of_a_window_end_with_the_first_answer_of_the_next() {
        let mut pool = Pool::default();
        pool.add(10, &report(1000, 900 * MS), 0, 1000 * MS);
        assert!(pool.observe(&report(2000, 1000 * MS), 500 * MS), "it was cleared");
        assert_eq!(pool.units(600 * MS), 0);
        assert!(pool.is_empty());
    }

    #[test]
    fn a_clock_that_goes_back_before_the_lease_uses_none_of_it() {
        let mut pool = Pool::default();
        pool.add(10, &report(7, 900 * MS), 5000 * MS, 1000 * MS);
        assert_eq!(pool.take(1, 4999 * MS), None);
        assert_eq!(pool.take(1, 5000 * MS), Some(9));
    }

    #[test]
    fn what_is_put_back_goes_to_its_own_window_only() {
        let mut pool = Pool::default();
        pool.add(10, &report(7, 900 * MS), 0, 1000 * MS);
        assert_eq!(pool.take(10, 1), Some(0));
        pool.put_back(3, 6);
        assert_eq!(pool.units(1), 0);
        pool.put_back(3, 7);
        assert_eq!(pool.units(1), 3);
    }
}
