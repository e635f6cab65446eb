//! What is told of the requests that are decided: lines in the log, and metrics.

pub(crate) mod health;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
#[cfg(not(feature = "metrics"))]
mod no_metrics;
mod throttle;

use crate::{
    Breach,
    decision::{charge::Charge, decided::Decided},
    request::state::Ticket,
    response::refusal::Asked,
};

pub(crate) use self::metrics::{
    Timed, hit_by_hand, local_refusal, series::OfLimit, storage_error, storage_failed, storage_recovered,
};
use self::{metrics::Metrics, throttle::Throttle};

/// What a limiter tells. Shared by all its workers.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    lines: Throttle,
    metrics: Metrics,
}

/// Where lines about single requests stand in the log.
const TARGET: &str = "limiter_actix::breach";

impl Telling {
    /// Measures a decision about these limits, if there are any, until what it returns is dropped.
    pub(crate) fn time_decision(&self, limits: &[Charge]) -> Option<Timed<'_>> {
        (!limits.is_empty()).then(|| self.metrics.time())
    }
}

/// Tells of a refusal.
pub(crate) fn refused(asked: &Asked<'_>, decided: &Decided<'_>, breach: &Breach) {
    let telling = &asked.settings.telling;
    telling.metrics.refused(asked, decided);
    telling.lines.say(asked.now, || {
        tracing::info!(
            target: TARGET,
            limit = %breach.quota,
            key = %breach.key.logged(asked.settings.logged_addresses),
            route = asked.route.map(|route| &**route),
            meta = breach.is_meta,
            manual = asked.manual,
            "refused"
        );
    });
}

/// Tells that nothing could be decided, since the storage fails.
pub(crate) fn undecided(asked: &Asked<'_>) {
    let telling = &asked.settings.telling;
    telling.metrics.undecided(asked);
    telling.lines.say(asked.now, || {
        tracing::info!(target: TARGET, route = asked.route.map(|route| &**route), "not decided, since the storage fails");
    });
}

impl Ticket {
    /// Tells how its request was decided, unless that has been told.
    pub(crate) fn tell(&self) {
        if self.is_told.replace(true) {
            return;
        }
        let charges = self.charges.borrow();
        // Those that had no window were refused, or dropped out since the storage failed.
        let is_decided = |charge: &Charge| charge.window.is_some() || !charge.is_decided();
        if !charges.iter().any(is_decided) {
            return;
        }
        let telling = &self.local.config.settings.telling;
        for Charge { placed, .. } in charges.iter().filter(|charge| charge.would_have_refused()) {
            telling.lines.say(self.decided_at, || {
                tracing::info!(target: TARGET, limit = %placed.policy, name = placed.limit.name.as_deref(),
                    "a limit in shadow would have refused");
            });
        }
        telling.metrics.admitted(self, &charges);
    }
}

/// Also those are told of that were never answered: the client hung up, or the handler panicked. Some of what
/// they took may come back.
impl Drop for Ticket {
    fn drop(&mut self) {
        self.tell();
        if !self.is_answered.get() {
            self.refund_on_drop();
        }
    }
}
