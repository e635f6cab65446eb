//! Tells the recorder of the crate `metrics`. `docs/observability.md` has the table.

mod names;
pub(crate) mod series;

use std::{sync::OnceLock, time::Instant};

use ::metrics::{Counter, Histogram, counter, gauge, histogram};
use limiter_core::{Window, storage::Verdict};

pub(crate) use self::series::OfLimit;
use self::series::{MANUAL, Series};
use crate::{
    Limiter,
    decision::{charge::Charge, decided::Decided},
    limit::on_storage_failure::DecidedBy,
    request::state::Ticket,
    response::refusal::Asked,
};

/// The metrics of a limiter, as the recorder has them that is there when they are first needed.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    seconds: OnceLock<Histogram>,
    /// By outcome and by who has decided.
    requests: [[OnceLock<Counter>; DECIDED_BY.len()]; OUTCOMES.len()],
}

/// How a request came out.
#[derive(Clone, Copy)]
enum Outcome {
    Allowed,
    ShadowRefused,
    Refused,
    Undecided,
}

const OUTCOMES: [&str; 4] = ["allowed", "shadow_refused", "refused", "undecided"];

/// In the order of [`DecidedBy`].
const DECIDED_BY: [&str; 3] = ["storage", "none", "memory"];

/// Measures until it is dropped.
pub(crate) struct Timed<'a> {
    seconds: &'a Histogram,
    since: Instant,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.seconds.record(self.since.elapsed());
    }
}

impl Metrics {
    pub(super) fn time(&self) -> Timed<'_> {
        Timed { seconds: self.seconds(), since: Instant::now() }
    }

    /// The times of decisions. The first to need them describes all metrics.
    fn seconds(&self) -> &Histogram {
        self.seconds.get_or_init(|| {
            names::describe();
            histogram!(names::DECISION_SECONDS)
        })
    }

    fn request(&self, outcome: Outcome, by: DecidedBy) {
        let (outcome, by) = (outcome as usize, by as usize);
        let counter = self.requests[outcome][by].get_or_init(
            || counter!(names::REQUESTS, "outcome" => OUTCOMES[outcome], "decided_by" => DECIDED_BY[by]),
        );
        counter.increment(1);
    }

    pub(super) fn admitted(&self, ticket: &Ticket, charges: &[Charge]) {
        let is_shadow_refused = charges.iter().any(Charge::would_have_refused);
        let outcome = if is_shadow_refused { Outcome::ShadowRefused } else { Outcome::Allowed };
        self.request(outcome, ticket.decided_by.get());
        let route = ticket.route.pattern().map(|pattern| &**pattern);
        for charge in charges {
            if let Some(window) = &charge.window {
                charge.placed.metrics.at(route, &charge.placed, |series| series.admitted(charge, window));
            }
        }
    }

    pub(super) fn refused(&self, asked: &Asked<'_>, decided: &Decided<'_>) {
        if asked.manual.is_none() {
            self.request(Outcome::Refused, asked.decided_by);
        }
        let route = asked.route.map(|route| &**route);
        let is_meta = decided.decision.verdict() == Verdict::RefusedByGuard;
        let (charges, windows) = if is_meta {
            (decided.guards, decided.decision.guards())
        } else {
            (decided.limits, decided.decision.limits())
        };
        for (charge, _) in charges.iter().zip(windows).filter(|(charge, window)| charge.refuses(window)) {
            match asked.manual {
                Some(name) if !is_meta => Series::new(MANUAL, name).refused(),
                Some(_) => charge.placed.metrics.at(Some(MANUAL), &charge.placed, Series::refused),
                None => charge.placed.metrics.at(route, &charge.placed, Series::refused),
            }
        }
    }

    pub(super) fn undecided(&self, asked: &Asked<'_>) {
        if asked.manual.is_none() {
            self.request(Outcome::Undecided, DecidedBy::Nobody);
        }
    }
}

/// Tells of a limit that code has hit by its name; in shadow where it refuses nothing.
pub(crate) fn hit_by_hand(name: &str, window: &Window, in_shadow: bool) {
    let series = Series::new(MANUAL, name);
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

impl Limiter {
    /// Tells the recorder of the crate `metrics` how many keys are held in memory, and how many live counts had
    /// to leave it: `limiter_memory_keys` and `limiter_memory_evictions_total`, with the key prefix as their
    /// label. To be called before each scrape, since no request is delayed for these.
    ///
    /// Where counts are on another machine, it is the memory that stands in for that.
    pub fn record_memory(&self) {
        let config = self.config();
        let settings = &config.settings;
        let (memory, prefix) = (settings.storage.memory(), settings.prefix.to_string());
        settings.telling.metrics.seconds();
        let keys = u32::try_from(memory.len()).unwrap_or(u32::MAX);
        gauge!(names::MEMORY_KEYS, "prefix" => prefix.clone()).set(keys);
        counter!(names::MEMORY_EVICTIONS, "prefix" => prefix).absolute(memory.evictions());
    }
}
