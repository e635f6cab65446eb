use super::{
    pace::Pace,
    pool::{Pool, UnusedUnits},
};
use crate::{Leases, Window};

/// All that a process knows of one count that may be leased.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pool: Pool,
    pace: Pace,
    /// True while a call for a lease is under way.
    is_acquiring: bool,
    /// No lease is taken before this time, in nanoseconds.
    paused_until: u64,
}

/// The pause after a call for a lease has failed, in nanoseconds. It is short: without leases, each request is a call, which
/// may be more than a storage can take that has just recovered.
const PAUSE: u64 = 100_000_000;

impl Account {
    /// Takes `cost` of the leased units. Returns the report of the hit, or `None` if too few are there.
    pub(super) fn take(&mut self, cost: u64, limit: u64, now: u64) -> Option<Window> {
        self.note_demand(cost, now);
        let left = self.pool.take(cost, now)?;
        let remaining = self.pace.remaining().saturating_add(left).min(limit);
        let reset = self.pool.time_left(now).unwrap_or(0);
        Some(Window::admitted(limit, remaining, reset, self.pool.stamp().unwrap_or(0)))
    }

    /// Takes note of a request. All of them make the pace, also those that the storage does not answer: once it does, the
    /// first lease must suffice for all.
    pub(super) fn note_demand(&mut self, cost: u64, now: u64) {
        self.pace.note_use(cost, now);
    }

    /// Puts back units that a request did not use after all.
    pub(super) fn put_back(&mut self, units: u64, stamp: u64) {
        self.pool.put_back(units, stamp);
    }

    /// Takes note of a hit that the storage admitted.
    pub(super) fn note_admitted(&mut self, cost: u64, window: &Window, called_at: u64) {
        let known = self.pool.stamp();
        if self.pool.observe(window, called_at) {
            self.pace.note_report(cost, window, known != self.pool.stamp());
        }
    }

    /// Takes note of a refusal. Requests are decided by the storage until the window ends. Returns the units that are left,
    /// which the refused requests of other processes may need.
    pub(super) fn note_refused(&mut self, window: &Window, called_at: u64) -> Option<UnusedUnits> {
        self.paused_until = self.paused_until.max(called_at.saturating_add(window.reset));
        self.pool.drain()
    }

    /// Begins a call for a lease. Returns how many units it is for, or `None` if none is needed or possible now.
    pub(super) fn begin_lease(&mut self, leases: Leases, cost: u64, now: u64) -> Option<u64> {
        if self.is_acquiring || now < self.paused_until {
            return None;
        }
        let wanted = self.pace.wanted(leases, self.pool.units(now), cost, self.pool.time_left(now)?)?;
        self.is_acquiring = true;
        Some(wanted)
    }

    /// Ends a call for a lease with its report. Returns units that cannot be used.
    pub(super) fn end_lease(
        &mut self,
        units: u64,
        window: &Window,
        called_at: u64,
        leases: Leases,
    ) -> Option<UnusedUnits> {
        self.is_acquiring = false;
        if !window.is_allowed() {
            // More was used meanwhile than expected.
            self.pace.note_remaining(window.remaining);
            self.paused_until = self.paused_until.max(called_at.saturating_add(window.reset));
            return None;
        }
        let known = self.pool.stamp();
        let useless = self.pool.add(units, window, called_at, leases.nanos());
        if useless.is_none() {
            self.pace.note_report(units, window, known != self.pool.stamp());
        }
        useless
    }

    /// Ends a call for a lease that has failed or was dropped. Whether the storage has charged the units is unknown, so
    /// nobody uses them.
    pub(super) fn end_failed_lease(&mut self, called_at: u64) {
        self.is_acquiring = false;
        self.paused_until = self.paused_until.max(called_at.saturating_add(PAUSE));
    }

    /// Removes the units whose lease has ended. Returns them if there are any.
    pub(super) fn expire(&mut self, now: u64) -> Option<UnusedUnits> {
        self.pool.expire(now)
    }

    /// Removes all units. Returns them if there are any.
    pub(super) fn drain(&mut self) -> Option<UnusedUnits> {
        self.pool.drain()
    }

    /// Returns whether there are units, or a call for some.
    pub(super) fn is_busy(&self) -> bool {
        self.is_acquiring || !self.pool.is_empty()
    }
}
