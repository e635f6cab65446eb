//! Reports to the recorder of the crate `metrics`. `docs/observability.md` lists all metrics.

mod names;
pub(crate) mod series;

use std::{sync::OnceLock, time::Instant};

use ::metrics::{Counter, Histogram, counter, gauge, histogram};
use limiter_core::Window;

pub(crate) use self::series::{LimitMetrics, Series};
use super::outcome::RequestOutcome;
use crate::report::decided_by::DecidedBy;

/// The metrics of a limiter, registered with the recorder that is installed at their first use.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    seconds: OnceLock<Histogram>,
    /// By outcome and by [`DecidedBy`].
    requests: [[OnceLock<Counter>; DECIDED_BY.len()]; OUTCOMES.len()],
}

/// In the order of [`RequestOutcome`].
const OUTCOMES: [&str; 6] = ["allowed", "shadow_refused", "refused", "undecided", "banned", "reserved"];

/// In the order of [`DecidedBy`].
const DECIDED_BY: [&str; 3] = ["storage", "none", "memory"];

/// Records the time from its creation to its drop.
pub(crate) struct DecisionTimer<'a> {
    seconds: &'a Histogram,
    since: Instant,
}

impl Drop for DecisionTimer<'_> {
    fn drop(&mut self) {
        self.seconds.record(self.since.elapsed());
    }
}

impl Metrics {
    pub(super) fn time(&self) -> DecisionTimer<'_> {
        DecisionTimer { seconds: self.seconds(), since: Instant::now() }
    }

    /// Returns the histogram of decision times. The first use describes all metrics.
    fn seconds(&self) -> &Histogram {
        self.seconds.get_or_init(|| {
            names::describe();
            histogram!(names::DECISION_SECONDS)
        })
    }

    pub(super) fn request(&self, outcome: RequestOutcome, by: DecidedBy) {
        let (outcome, by) = (outcome as usize, by as usize);
        let counter = self.requests[outcome][by].get_or_init(
            || counter!(names::REQUESTS, "outcome" => OUTCOMES[outcome], "decided_by" => DECIDED_BY[by]),
        );
        counter.increment(1);
    }

    pub(super) fn memory(&self, prefix: &str, keys: usize, evictions: u64) {
        self.seconds();
        let keys = u32::try_from(keys).unwrap_or(u32::MAX);
        gauge!(names::MEMORY_KEYS, "prefix" => prefix.to_owned()).set(keys);
        counter!(names::MEMORY_EVICTIONS, "prefix" => prefix.to_owned()).absolute(evictions);
    }
}

/// Counts a hit of a named limit by code. `in_shadow` if the limit refuses nothing.
pub(crate) fn manual_hit(name: &str, window: &Window, in_shadow: bool) {
    let series = Series::manual(name);
    match (window.is_allowed(), in_shadow) {
        (true, _) => series.passed(window, window.limit()),
        (false, true) => series.shadow_refused(),
        (false, false) => series.refused(),
    }
}

/// Counts a failed storage call.
pub(crate) fn storage_error() {
    counter!(names::STORAGE_ERRORS).increment(1);
}

/// Records that the storage of a limiter has begun to fail.
pub(crate) fn storage_failed() {
    gauge!(names::STORAGE_FAILING).increment(1);
}

/// Records that the storage of a limiter decides again.
pub(crate) fn storage_recovered() {
    gauge!(names::STORAGE_FAILING).decrement(1);
}

/// Counts a local refusal, which took no storage call.
pub(crate) fn local_refusal() {
    counter!(names::LOCAL_REFUSALS).increment(1);
}

#[cfg(test)]
mod tests;
