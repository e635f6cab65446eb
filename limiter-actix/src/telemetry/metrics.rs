//! Tells the recorder of the crate `metrics`. `docs/observability.md` has the table.

mod names;
pub(crate) mod series;

use std::{sync::OnceLock, time::Instant};

use ::metrics::{Counter, Histogram, counter, gauge, histogram};
use limiter_core::Window;

pub(crate) use self::series::{LimitMetrics, Series};
use super::outcome::RequestOutcome;
use crate::report::decided_by::DecidedBy;

/// The metrics of a limiter, as the recorder has them that is there when they are first needed.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    seconds: OnceLock<Histogram>,
    /// By outcome and by who has decided.
    requests: [[OnceLock<Counter>; DECIDED_BY.len()]; OUTCOMES.len()],
}

/// In the order of [`RequestOutcome`].
const OUTCOMES: [&str; 4] = ["allowed", "shadow_refused", "refused", "undecided"];

/// In the order of [`DecidedBy`].
const DECIDED_BY: [&str; 3] = ["storage", "none", "memory"];

/// Measures until it is dropped.
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

    /// The times of decisions. The first to need them describes all metrics.
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

/// Tells of a limit that code has hit by its name; in shadow where it refuses nothing.
pub(crate) fn manual_hit(name: &str, window: &Window, in_shadow: bool) {
    let series = Series::manual(name);
    match (window.is_allowed(), in_shadow) {
        (true, _) => series.passed(window, window.limit()),
        (false, true) => series.shadow_refused(),
        (false, false) => series.refused(),
    }
}

/// Tells of a call of the storage that failed.
pub(crate) fn storage_error() {
    counter!(names::STORAGE_ERRORS).increment(1);
}

/// Tells that the storage of a limiter has begun to fail.
pub(crate) fn storage_failed() {
    gauge!(names::STORAGE_FAILING).increment(1);
}

/// Tells that the storage of a limiter decides again.
pub(crate) fn storage_recovered() {
    gauge!(names::STORAGE_FAILING).decrement(1);
}

/// Tells of a decision for which the storage was not asked.
pub(crate) fn local_refusal() {
    counter!(names::LOCAL_REFUSALS).increment(1);
}

#[cfg(test)]
mod tests;
