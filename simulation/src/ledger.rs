//! What all processes have admitted, by the windows of the servers.

use std::collections::HashMap;

/// The longest wait that is told apart, in milliseconds.
const MAX_WAIT: usize = 1000;

/// A window of a count, by the stamp that the server gave it.
type WindowId = (usize, u64);

/// A book of all decisions.
#[derive(Debug)]
pub(crate) struct Ledger {
    limit: u64,
    windows: HashMap<WindowId, Use>,
    /// The latest window of each count.
    latest: HashMap<usize, u64>,
    waits: Vec<u64>,
    /// Decisions of this process alone, while the storage failed.
    pub(crate) by_fallback: u64,
    pub(crate) decisions: u64,
    /// Calls for decisions and leases.
    pub(crate) calls: u64,
    pub(crate) refunds: u64,
    /// Leased units that were used after the end of their window.
    pub(crate) late: u64,
}

/// The requests of one window.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    admitted: u64,
    refused: u64,
}

impl Ledger {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            windows: HashMap::new(),
            latest: HashMap::new(),
            waits: vec![0; MAX_WAIT + 1],
            by_fallback: 0,
            decisions: 0,
            calls: 0,
            refunds: 0,
            late: 0,
        }
    }

    /// Notes a request that was admitted in a window.
    pub(crate) fn admit(&mut self, count: usize, stamp: u64) {
        self.windows.entry((count, stamp)).or_default().admitted += 1;
        let latest = self.latest.entry(count).or_default();
        *latest = stamp.max(*latest);
    }

    /// Notes a request that was refused in the latest window.
    pub(crate) fn refuse(&mut self, count: usize) {
        let latest = self.latest.get(&count).copied().unwrap_or(0);
        self.windows.entry((count, latest)).or_default().refused += 1;
    }

    /// Notes the time that a request has waited for its decision.
    pub(crate) fn wait(&mut self, millis: u128) {
        self.decisions += 1;
        let millis = usize::try_from(millis).unwrap_or(MAX_WAIT).min(MAX_WAIT);
        self.waits[millis] += 1;
    }

    /// Returns the wait that so many in a hundred requests did not exceed, in milliseconds.
    pub(crate) fn percentile(&self, percent: u64) -> usize {
        let wanted = (self.decisions * percent).div_ceil(100);
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen >= wanted
        };
        self.waits.iter().position(reaches).unwrap_or(MAX_WAIT)
    }

    /// Returns the most that was admitted in a window, beyond the limit.
    pub(crate) fn excess(&self) -> u64 {
        self.windows.values().map(|window| window.admitted.saturating_sub(self.limit)).max().unwrap_or(0)
    }

    /// Returns how much of what was asked for within the limits was admitted, in a thousand.
    pub(crate) fn usable(&self) -> u64 {
        let asked = |window: &Use| (window.admitted + window.refused).min(self.limit);
        let asked: u64 = self.windows.values().map(asked).sum();
        let admitted: u64 = self.windows.values().map(|window| window.admitted.min(self.limit)).sum();
        admitted * 1000 / asked.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_counts_by_window() {
        let mut ledger = Ledger::new(2);
        for stamp in [10, 10, 10, 20] {
            ledger.admit(0, stamp);
        }
        ledger.refuse(0);
        assert_eq!((ledger.excess(), ledger.usable()), (1, 750));
    }

    #[test]
    fn percentiles_are_those_of_all_waits() {
        let mut ledger = Ledger::new(1);
        (0..99).for_each(|_| ledger.wait(2));
        ledger.wait(5000);
        assert_eq!([50, 99, 100].map(|percent| ledger.percentile(percent)), [2, 2, MAX_WAIT]);
    }
}
