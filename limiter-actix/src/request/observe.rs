//! Reports the outcomes of requests to the log and the metrics.

use limiter_core::{Window, storage::Verdict};

use super::{phase::Phase, state::RequestState, straight_request::StraightRequest};
use crate::{
    Breach,
    decision::{charge::Charge, context::DecisionContext, decided::DecidedBatch},
    plan::bound_limit::BoundLimit,
    report::decided_by::DecidedBy,
    telemetry::{RequestOutcome, Series},
};

/// Reports a refusal.
pub(super) fn refused(context: &DecisionContext<'_>, batch: &DecidedBatch<'_>, breach: &Breach) {
    let telemetry = &context.settings.telemetry;
    if context.manual.is_none() {
        telemetry.count_request(RequestOutcome::Refused, context.decided_by, context.now);
        if let Some(top) = &context.settings.top {
            top.count_refusal(context.client, context.now);
        }
    }
    count_refusals(context, batch);
    telemetry.log_refusal(breach, context.now, &context.settings.key_forms, context.manual);
}

/// Reports a refusal that only reservations under way cause. It is no breach, so only the request is counted.
pub(super) fn reserved(context: &DecisionContext<'_>) {
    context.settings.telemetry.count_request(RequestOutcome::Reserved, context.decided_by, context.now);
}

/// Counts the refusal of each limit that refused.
fn count_refusals(context: &DecisionContext<'_>, batch: &DecidedBatch<'_>) {
    let route = context.route.map(|route| &**route);
    let is_meta = batch.decision.verdict() == Verdict::RefusedByGuard;
    let (charges, windows) = if is_meta {
        (batch.guards, batch.decision.guards())
    } else {
        (batch.limits, batch.decision.limits())
    };
    for (charge, _) in charges.iter().zip(windows).filter(|(charge, window)| charge.refuses(window)) {
        let limit = &charge.limit;
        match context.manual {
            Some(name) if !is_meta => Series::manual(name).refused(),
            Some(_) => limit.metrics.at_manual(|| limit.metric_label(), Series::refused),
            None => limit.metrics.at(route, || limit.metric_label(), Series::refused),
        }
    }
}

/// Reports a request that is not decided, since the storage fails.
pub(super) fn undecided(context: &DecisionContext<'_>) {
    let telemetry = &context.settings.telemetry;
    if context.manual.is_none() {
        telemetry.count_request(RequestOutcome::Undecided, DecidedBy::Skipped, context.now);
    }
    telemetry.log_undecided(context.route.map(|route| &**route), context.now);
}

impl RequestState {
    /// Reports how an admitted request was decided. A refusal after the admission is reported on its own.
    pub(super) fn report(&self) {
        let charges = self.charges.borrow();
        // Without a window, a charge is not decided yet, or is skipped while the storage fails.
        let is_decided = |charge: &Charge| charge.window.is_some() || !charge.is_decided();
        if self.is_in(Phase::Refused) || !charges.iter().any(is_decided) {
            return;
        }
        let telemetry = &self.predicted.settings().telemetry;
        let mut outcome = RequestOutcome::Allowed;
        for Charge { limit, .. } in charges.iter().filter(|charge| charge.would_have_refused()) {
            outcome = RequestOutcome::ShadowRefused;
            let (policy, name) = (&limit.policy, limit.options.name.as_deref());
            telemetry.log_shadow_refusal(policy, name, self.predicted.decided_at);
        }
        telemetry.count_request(outcome, self.decided_by.get(), self.predicted.decided_at);
        for charge in charges.iter() {
            if let Some(window) = &charge.window {
                count_hit(&charge.limit, window, self.predicted.pattern());
            }
        }
    }
}

impl StraightRequest {
    /// Reports that the request was admitted, if it has limits.
    #[inline]
    pub(super) fn report(&self) {
        let mut limits = self.limits().peekable();
        if limits.peek().is_some() {
            let telemetry = &self.settings().telemetry;
            telemetry.count_request(RequestOutcome::Allowed, DecidedBy::Storage, self.decided_at());
        }
        for (limit, window) in limits {
            count_hit(limit, window, self.pattern());
        }
    }
}

/// Counts the hit of a limit that was decided.
fn count_hit(limit: &BoundLimit, window: &Window, route: Option<&str>) {
    let record = |series: &Series| {
        if limit.options.shadow && !window.is_allowed() {
            series.shadow_refused();
        } else if window.is_allowed() {
            series.passed(window, limit.policy.capacity());
        }
    };
    limit.metrics.at(route, || limit.metric_label(), record);
}
