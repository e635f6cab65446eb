//! The log events and metrics of decided requests.
//!
//! Takes plain values only: labels, numbers and breaches.

pub(crate) mod health;
#[cfg(feature = "inspector")]
pub(crate) mod history;
mod lines;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
mod no_metrics;
mod outcome;

use limiter_core::{
    Key, KeyForms, Policy, Timestamp,
    log::{event, shown},
};

#[cfg(feature = "inspector")]
use self::history::History;
#[cfg(not(feature = "metrics"))]
use self::no_metrics as metrics;
pub(crate) use self::{
    lines::Lines,
    metrics::{DecisionTimer, LimitMetrics, Series, local_refusal, manual_hit},
    outcome::RequestOutcome,
};
use self::{lines::TARGET, metrics::Metrics};
use crate::{Breach, report::decided_by::DecidedBy};

/// The log and the metrics of a limiter, shared by all its workers.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    pub(crate) lines: Lines,
    #[cfg(feature = "inspector")]
    pub(crate) history: History,
    metrics: Metrics,
}

impl Telemetry {
    /// Starts to measure a decision, if it has limits. The timer records when it is dropped.
    pub(crate) fn time_decision(&self, has_limits: bool) -> Option<DecisionTimer<'_>> {
        has_limits.then(|| self.metrics.time())
    }

    /// Counts a request.
    pub(crate) fn count_request(&self, outcome: RequestOutcome, by: DecidedBy, now: Timestamp) {
        #[cfg(feature = "inspector")]
        self.history.count(outcome, now);
        #[cfg(not(feature = "inspector"))]
        let _ = now;
        self.metrics.request(outcome, by);
    }

    /// Logs a refusal. `manual` is the name of the limit in a manual check.
    pub(crate) fn log_refusal(&self, breach: &Breach, now: Timestamp, keys: &KeyForms, manual: Option<&str>) {
        event!(
            self.lines.requests.permit(now),
            INFO,
            target: TARGET,
            limit = shown(&breach.quota),
            key = shown(breach.key.logged(keys)),
            route = breach.route(),
            meta = breach.is_meta,
            manual = manual,
            "request refused"
        );
    }

    /// Logs the request of a banned client.
    pub(crate) fn log_banned(
        &self,
        client: &Key,
        reason: &str,
        route: Option<&str>,
        keys: &KeyForms,
        now: Timestamp,
    ) {
        event!(
            self.lines.banned.permit(now),
            INFO,
            target: TARGET,
            key = shown(client.logged(keys)),
            route = route,
            reason = shown(reason),
            "request of a banned client refused"
        );
    }

    /// Logs a request that was not decided because the storage failed.
    pub(crate) fn log_undecided(&self, route: Option<&str>, now: Timestamp) {
        event!(
            self.lines.requests.permit(now),
            INFO,
            target: TARGET,
            route = route,
            "request not decided: the storage failed"
        );
    }

    /// Logs that a shadow limit would have refused.
    pub(crate) fn log_shadow_refusal(&self, policy: &Policy, name: Option<&str>, now: Timestamp) {
        event!(
            self.lines.requests.permit(now),
            INFO,
            target: TARGET,
            limit = shown(policy),
            name = name,
            "shadow limit would have refused"
        );
    }

    /// Records the number of keys and evictions of the memory storage. `prefix` is the limiter's key prefix.
    #[cfg(feature = "metrics")]
    pub(crate) fn record_memory(&self, prefix: &str, keys: usize, evictions: u64) {
        self.metrics.memory(prefix, keys, evictions);
    }
}
