//! Decides while the storage fails.

use actix_web::dev::ServiceRequest;
use limiter_core::storage::{Decision, MemoryStorage, Verdict};

use super::{
    charge::{Charge, Charges, any_key_failed},
    query::{QueryOutcome, StorageQuery},
};
use crate::{
    OnStorageFailure,
    plan::{Plan, bound_limit::Tier},
    report::decided_by::{DecidedBy, Undecided},
    settings::Settings,
};

impl StorageQuery<'_> {
    /// The decision of the limits that are to hold while the storage fails.
    pub(super) fn decide_on_failure(
        &self,
        memory: &MemoryStorage,
        settings: &Settings,
        req: &ServiceRequest,
    ) -> Result<QueryOutcome, Undecided> {
        let all = || self.limits.iter().chain(self.on_refusal);
        let denies =
            |charge: &Charge| !charge.is_shadow() && on_failure(charge, settings) == OnStorageFailure::Deny;
        if all().any(denies) {
            return Err(Undecided::StorageFailed);
        }
        let by = all().map(|charge| decider(charge, settings)).max().unwrap_or_default();
        if by != DecidedBy::Memory {
            all().for_each(|charge| charge.decided_by.set(by));
            let decision = Decision::new(Verdict::Admitted, [], []);
            return Ok(QueryOutcome { decision, by, outage_limits: None });
        }
        if let Some(plan) = self.plan.filter(|_| settings.failure.limits.is_some()) {
            return self.decide_outage_limits(plan, memory, req);
        }
        all().for_each(|charge| charge.decided_by.set(decider(charge, settings)));
        Ok(QueryOutcome { decision: self.run_memory(memory), by, outage_limits: None })
    }

    /// The decision of the limits that hold in place of those that were asked about. What the request has taken
    /// from them before is not taken again.
    fn decide_outage_limits(
        &self,
        plan: &Plan,
        memory: &MemoryStorage,
        req: &ServiceRequest,
    ) -> Result<QueryOutcome, Undecided> {
        let limits = plan.outage_limits(req).ok_or(Undecided::CallbackFailed)?;
        let is_new =
            |charge: &Charge| !self.kept.iter().any(|kept| kept.limit.shares_count_with(&charge.limit));
        let charges: Charges = Charge::of(&limits, self.client, req).into_iter().filter(is_new).collect();
        if any_key_failed(&charges, self.client) {
            return Err(Undecided::CallbackFailed);
        }
        for charge in &charges {
            charge.decided_by.set(DecidedBy::Memory);
        }
        let query = StorageQuery { guards: &[], limits: &charges, on_refusal: &[], ..*self };
        let decision = query.run_memory(memory);
        Ok(QueryOutcome { decision, by: DecidedBy::Memory, outage_limits: Some(charges) })
    }
}

fn on_failure(charge: &Charge, settings: &Settings) -> OnStorageFailure {
    charge.limit.options.on_storage_failure.unwrap_or(settings.failure.policy)
}

/// Who decides a limit that does not deny. Where limits stand in for others, meta limits do not hold, and those in
/// shadow, which refuse nothing, need no others in their place.
fn decider(charge: &Charge, settings: &Settings) -> DecidedBy {
    let is_dropped =
        settings.failure.limits.is_some() && (charge.limit.tier == Tier::Meta || charge.is_shadow());
    match on_failure(charge, settings) {
        OnStorageFailure::Fallback if !is_dropped => DecidedBy::Memory,
        _ => DecidedBy::Skipped,
    }
}
