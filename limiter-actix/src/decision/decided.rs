//! A decided batch, and the breach if it was refused.

use std::{ptr, sync::Arc, time::Duration};

use actix_web::dev::ServiceRequest;
use limiter_core::{
    Window,
    storage::{Decision, Verdict},
};

use super::{
    charge::{Charge, Charges},
    context::DecisionContext,
};
use crate::{Breach, CurrentLimit, CurrentLimits, report::current::LimitOutcome};

/// The charges of a request, and the decision about them.
pub(crate) struct DecidedBatch<'a> {
    pub(crate) decision: &'a Decision,
    pub(crate) guards: &'a [Charge],
    pub(crate) limits: &'a [Charge],
    /// Earlier charges, which are refunded if the request is refused.
    pub(crate) refunded: &'a [Charge],
}

/// The limit that refused. Of several, the one with the longest wait.
pub(crate) struct RefusingLimit<'a> {
    pub(crate) charge: &'a Charge,
    pub(crate) window: Window,
    pub(crate) is_meta: bool,
}

/// Returns all limits of a refused request, for the application.
///
/// Meta limits are among them only if they refuse. They count breaches, not requests, so that a client would
/// misread their remaining amount as its own.
fn current(
    context: &DecisionContext<'_>,
    batch: &DecidedBatch<'_>,
    refusing: &RefusingLimit<'_>,
) -> Vec<CurrentLimit> {
    let DecidedBatch { decision, guards, limits, refunded } = batch;
    let mut current = Vec::with_capacity(limits.len() + refunded.len() + usize::from(refusing.is_meta));
    let mut add = |charge: &Charge, window: Window, outcome: LimitOutcome| {
        current.push(charge.report(context.client, window, outcome, context.settings));
    };
    let outcome = |charge: &Charge, window: &Window| {
        if ptr::eq(charge, refusing.charge) {
            LimitOutcome::RefusedLongest
        } else if charge.refuses(window) {
            LimitOutcome::Refused
        } else {
            LimitOutcome::Passed
        }
    };
    if refusing.is_meta {
        for (guard, window) in guards.iter().zip(decision.guards()) {
            if guard.refuses(window) {
                add(guard, *window, outcome(guard, window));
            }
        }
    }
    for charge in *refunded {
        if let Some(window) = charge.refunded_window() {
            add(charge, window, LimitOutcome::Passed);
        }
    }
    let limits = limits.iter().zip(decision.limits()).filter(|(charge, _)| charge.is_decided());
    for (charge, window) in limits {
        // If a meta limit refuses, the other limits are only tested.
        let outcome = if refusing.is_meta { LimitOutcome::Passed } else { outcome(charge, window) };
        add(charge, *window, outcome);
    }
    current
}

/// Records the windows of a decision in its charges.
pub(crate) fn record_windows(decision: &Decision, charges: &mut Charges) {
    for (charge, window) in charges.iter_mut().zip(decision.limits()) {
        if charge.is_decided() {
            charge.window = Some(*window);
        }
    }
}

/// Returns the refusing limit with the longest wait. A limit that never admits the request waits longest.
pub(crate) fn refusing_limit<'a>(batch: &DecidedBatch<'a>) -> Option<RefusingLimit<'a>> {
    let DecidedBatch { decision, guards, limits, .. } = *batch;
    let (charges, windows, is_meta) = match decision.verdict() {
        Verdict::Admitted => return None,
        Verdict::RefusedByGuard => (guards, decision.guards(), true),
        Verdict::Refused => (limits, decision.limits(), false),
    };
    charges
        .iter()
        .zip(windows)
        .filter(|(charge, window)| charge.refuses(window))
        .max_by_key(|(_, window)| window.retry_after().unwrap_or(Duration::MAX))
        .map(|(charge, window)| RefusingLimit { charge, window: *window, is_meta })
}

/// Returns the breach of the limit that refused.
pub(crate) fn breach(
    context: &DecisionContext<'_>,
    batch: &DecidedBatch<'_>,
    refusing: &RefusingLimit<'_>,
    req: &ServiceRequest,
) -> Breach {
    let RefusingLimit { charge, window, is_meta } = *refusing;
    let limit = &charge.limit;
    let message = match &limit.options.message {
        Some(message) => message.of(req),
        None => limit.text(),
    };
    Breach {
        quota: limit.policy.quota(),
        name: limit.options.name.clone(),
        message,
        window,
        key: charge.key(context.client).clone(),
        key_forms: Arc::clone(&context.settings.key_forms),
        route: context.route.cloned(),
        is_meta,
        meta_wait: context.meta_wait,
        level: limit.tier.label(),
        limits: CurrentLimits::new(current(context, batch, refusing)),
    }
}
