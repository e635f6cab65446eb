//! The busiest windows of a client, as the limiter's own strategies count them.

use limiter_actix::{Policy, Quota, Strategy, Timestamp, Unit};
use limiter_core::strategy::State;

/// More than any client sends, so that nothing is refused and all is counted.
const PLENTY: u64 = 1_000_000_000_000;

/// The lengths of windows that are looked at.
pub(super) const WINDOWS: [Length; 4] = [
    Length { name: "second", unit: Unit::Second, seconds: 1 },
    Length { name: "minute", unit: Unit::Minute, seconds: 60 },
    Length { name: "hour", unit: Unit::Hour, seconds: 3600 },
    Length { name: "day", unit: Unit::Day, seconds: 86400 },
];

pub(super) struct Length {
    pub(super) name: &'static str,
    unit: Unit,
    pub(super) seconds: u64,
}

impl Length {
    /// Returns a quota in the notation of limits.
    pub(super) fn quota(&self, amount: u64) -> String {
        format!("{amount}/{}", self.name)
    }
}

pub(super) fn policies(strategy: Strategy) -> [Policy; WINDOWS.len()] {
    WINDOWS.map(|window| Policy::new(Quota::new(PLENTY, 1, window.unit), strategy))
}

/// The counts of a client, and the most that each of them had.
///
/// A quota refuses a client for the first time when its count would exceed the amount. Until then, the count is the
/// same as without a limit. So the quota touches a client exactly if the amount is below the most that it had.
pub(super) struct Peaks {
    newest: Timestamp,
    counts: [Count; WINDOWS.len()],
}

struct Count {
    state: State,
    peak: u64,
}

impl Peaks {
    pub(super) fn new(policies: &[Policy; WINDOWS.len()]) -> Self {
        let counts = policies.each_ref().map(|policy| Count { state: State::new(policy), peak: 0 });
        Self { newest: Timestamp::from_nanos(0), counts }
    }

    /// Counts a request. A time before the newest counts as that, as storages do it.
    pub(super) fn add(&mut self, policies: &[Policy; WINDOWS.len()], at: Timestamp) {
        self.newest = self.newest.max(at);
        for (count, policy) in self.counts.iter_mut().zip(policies) {
            let window = count.state.hit(policy, 1, self.newest);
            count.peak = count.peak.max(PLENTY - window.remaining());
        }
    }

    /// Returns the most that each count had.
    pub(super) fn all(&self) -> [u64; WINDOWS.len()] {
        self.counts.each_ref().map(|count| count.peak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_windows_are_found() {
        let policies = policies(Strategy::FixedWindow);
        let mut peaks = Peaks::new(&policies);
        // Three in a second, one out of order, and two more a minute later.
        for second in [1000, 1000, 999, 1061, 1062] {
            peaks.add(&policies, Timestamp::from_millis(second * 1000));
        }
        assert_eq!(peaks.all(), [3, 3, 5, 5]);
    }
}
