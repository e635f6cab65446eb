//! Decisions while the storage fails.

use limiter_core::storage::{Decision, MemoryStorage, Verdict};

use super::{
    charge::{Charge, Charges, any_key_failed},
    query::{Outage, QueryOutcome, StorageQuery},
};
use crate::{
    Limit, OnStorageFailure,
    plan::bound_limit::Tier,
    report::decided_by::{DecidedBy, Undecided},
    settings::Settings,
};

impl StorageQuery<'_> {
    /// Decides by the failure policies of the limits. One limit that denies is enough to deny.
    pub(super) fn decide_on_failure(
        &self,
        memory: &MemoryStorage,
        settings: &Settings,
    ) -> Result<QueryOutcome, Undecided> {
        let denies = |charge: &Charge| {
            !charge.is_shadow() && policy(&charge.limit.options, settings) == OnStorageFailure::Deny
        };
        if self.charges().any(denies) {
            return Err(Undecided::StorageFailed);
        }
        let by = self.charges().map(|charge| decider(charge, settings)).max().unwrap_or_default();
        if by != DecidedBy::Memory {
            self.charges().for_each(|charge| charge.decided_by.set(by));
            return Ok(QueryOutcome::new(Decision::new(Verdict::Admitted, [], []), by));
        }
        if let Some(outage) = self.outage.filter(|_| settings.failure.limits.is_some()) {
            return self.decide_outage_limits(outage, memory, settings);
        }
        self.charges().for_each(|charge| charge.decided_by.set(decider(charge, settings)));
        Ok(QueryOutcome::new(self.run_memory(memory), by))
    }

    /// Decides the outage limits in place of the limits of the query.
    fn decide_outage_limits(
        &self,
        Outage { plan, req, kept }: Outage<'_>,
        memory: &MemoryStorage,
        settings: &Settings,
    ) -> Result<QueryOutcome, Undecided> {
        let limits = plan.outage_limits(req).ok_or(Undecided::CallbackFailed)?;
        let is_new = |charge: &Charge| !kept.iter().any(|kept| kept.limit.shares_count_with(&charge.limit));
        let charges: Charges = Charge::of(&limits, self.client, req).into_iter().filter(is_new).collect();
        if any_key_failed(&[&charges], self.client, settings) {
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

/// Returns the failure policy of a limit. Defaults to that of the limiter.
pub(crate) fn policy(limit: &Limit, settings: &Settings) -> OnStorageFailure {
    limit.on_storage_failure.unwrap_or(settings.failure.policy)
}

/// Returns the decider of a limit that does not deny.
///
/// If there are outage limits, meta limits are skipped, so that a breach of an outage limit never locks a client
/// out. Limits in shadow are skipped too, since they refuse nothing that would need a replacement.
fn decider(charge: &Charge, settings: &Settings) -> DecidedBy {
    let is_replaced =
        settings.failure.limits.is_some() && (charge.limit.tier == Tier::Meta || charge.is_shadow());
    match policy(&charge.limit.options, settings) {
        OnStorageFailure::Fallback if !is_replaced => DecidedBy::Memory,
        _ => DecidedBy::Skipped,
    }
}
