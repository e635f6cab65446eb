use limiter_core::{Window, storage::Decision};

use super::charge::Charge;
use crate::response::refusal::Asked;
use crate::{CurrentLimit, report::current::Outcome};

/// What was decided for a request, and of which limits.
pub(crate) struct Decided<'a> {
    pub(crate) decision: &'a Decision,
    pub(crate) guards: &'a [Charge],
    pub(crate) limits: &'a [Charge],
    /// What had been taken before and is given back when the request is refused.
    pub(crate) refunded: &'a [Charge],
}

/// The limit that refused, of those that did the one with the longest wait.
pub(crate) struct Breached<'a> {
    pub(crate) charge: &'a Charge,
    pub(crate) window: Window,
    pub(crate) is_meta: bool,
}

/// How all limits of the request stand. Meta limits are among them only when they refuse: they count breaches,
/// not requests, and a client would take them for what is left to it.
pub(crate) fn current(
    asked: &Asked<'_>,
    decided: &Decided<'_>,
    breached: &Breached<'_>,
) -> Vec<CurrentLimit> {
    let Decided { decision, guards, limits, refunded } = decided;
    let mut current = Vec::with_capacity(limits.len() + refunded.len() + usize::from(breached.is_meta));
    let mut add = |charge: &Charge, window: Window, outcome: Outcome| {
        current.push(CurrentLimit::new(charge, asked.client, window, outcome, asked.settings));
    };
    let outcome = |charge: &Charge, window: &Window| match () {
        () if std::ptr::eq(charge, breached.charge) => Outcome::Breached,
        () if charge.refuses(window) => Outcome::Refused,
        () => Outcome::Passed,
    };
    if breached.is_meta {
        for (guard, window) in guards.iter().zip(decision.guards()) {
            if guard.refuses(window) {
                add(guard, *window, outcome(guard, window));
            }
        }
    }
    for charge in *refunded {
        if let Some(window) = charge.window_given_back() {
            add(charge, window, Outcome::Passed);
        }
    }
    let limits = limits.iter().zip(decision.limits()).filter(|(charge, _)| charge.is_decided());
    for (charge, window) in limits {
        // Behind a meta limit that refuses, the others were only looked at.
        let outcome = if breached.is_meta { Outcome::Passed } else { outcome(charge, window) };
        add(charge, *window, outcome);
    }
    current
}
