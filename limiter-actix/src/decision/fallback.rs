//! Decides while the storage fails.

use actix_web::dev::ServiceRequest;
use limiter_core::storage::{Decision, MemoryStorage, Verdict};

use super::charge::{Charge, Charges, any_failed};
use super::query::{Outcome, Question};
use crate::{
    limit::on_storage_failure::{DecidedBy, OnStorageFailure, Undecided},
    plan::{Plan, bound_limit::Tier},
    settings::Settings,
};

impl Question<'_> {
    /// The decision of the limits that are to hold while the storage fails.
    pub(crate) fn decide_without(
        &self,
        memory: &MemoryStorage,
        settings: &Settings,
        req: &ServiceRequest,
    ) -> Result<Outcome, Undecided> {
        let all = || self.limits.iter().chain(self.on_refusal);
        let denies =
            |charge: &Charge| !charge.is_shadow() && on_failure(charge, settings) == OnStorageFailure::Deny;
        if all().any(denies) {
            return Err(Undecided::Storage);
        }
        let by = all().map(|charge| decider(charge, settings)).max().unwrap_or_default();
        if by != DecidedBy::Memory {
            all().for_each(|charge| charge.decided_by.set(by));
            let decision = Decision::new(Verdict::Admitted, [], []);
            return Ok(Outcome { decision, by, instead: None });
        }
        if let Some(plan) = self.plan.filter(|_| settings.failure.limits.is_some()) {
            return self.decide_instead(plan, memory, req);
        }
        all().for_each(|charge| charge.decided_by.set(decider(charge, settings)));
        Ok(Outcome { decision: self.ask_memory(memory), by, instead: None })
    }

    /// The decision of the limits that hold in place of those that were asked about. What the request has taken
    /// from them before is not taken again.
    fn decide_instead(
        &self,
        plan: &Plan,
        memory: &MemoryStorage,
        req: &ServiceRequest,
    ) -> Result<Outcome, Undecided> {
        let placed = plan.instead(req).ok_or(Undecided::Function)?;
        let is_new =
            |charge: &Charge| !self.held.iter().any(|held| held.placed.shares_count_with(&charge.placed));
        let charges: Charges = Charge::of(&placed, self.client, req).into_iter().filter(is_new).collect();
        if any_failed(&charges, self.client) {
            return Err(Undecided::Function);
        }
        for charge in &charges {
            charge.decided_by.set(DecidedBy::Memory);
        }
        let question = Question { guards: &[], limits: &charges, on_refusal: &[], ..*self };
        let decision = question.ask_memory(memory);
        Ok(Outcome { decision, by: DecidedBy::Memory, instead: Some(charges) })
    }
}

fn on_failure(charge: &Charge, settings: &Settings) -> OnStorageFailure {
    charge.placed.limit.on_storage_failure.unwrap_or(settings.failure.policy)
}

/// Who decides a limit that does not deny. Where limits stand in for others, meta limits do not hold, and those in
/// shadow, which refuse nothing, need no others in their place.
fn decider(charge: &Charge, settings: &Settings) -> DecidedBy {
    let is_dropped =
        settings.failure.limits.is_some() && (charge.placed.tier == Tier::Meta || charge.is_shadow());
    match on_failure(charge, settings) {
        OnStorageFailure::Fallback if !is_dropped => DecidedBy::Memory,
        _ => DecidedBy::Nobody,
    }
}
