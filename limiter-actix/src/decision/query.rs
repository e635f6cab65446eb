//! Asks the storage.

use limiter_core::{
    Key, Timestamp,
    storage::{Batch, Decision, MemoryStorage, Storage, StorageError, Verdict},
};

use super::{
    charge::{Charge, Charges, hits},
    deadline::in_time,
};
use crate::{plan::Plan, report::decided_by::DecidedBy};

/// What is decided for one request: limits that must all pass, guards that are tested before, and what is
/// taken when the limits refuse.
pub(crate) struct StorageQuery<'a> {
    /// The first of those `on_refusal`, or all.
    pub(crate) guards: &'a [Charge],
    pub(crate) limits: &'a [Charge],
    pub(crate) on_refusal: &'a [Charge],
    pub(crate) client: &'a Key,
    pub(crate) now: Timestamp,
    /// Knows what may hold in place of the limits; none for limits by hand.
    pub(crate) plan: Option<&'a Plan>,
    /// What the request has taken before.
    pub(crate) kept: &'a [Charge],
}

/// How a question came out.
pub(crate) struct QueryOutcome {
    pub(crate) decision: Decision,
    pub(crate) by: DecidedBy,
    /// What was decided in place of what was asked.
    pub(crate) outage_limits: Option<Charges>,
}

impl StorageQuery<'_> {
    pub(crate) fn run_memory(&self, memory: &MemoryStorage) -> Decision {
        if self.limits.is_empty() && self.guards.is_empty() {
            return Decision::new(Verdict::Admitted, [], []);
        }
        let limits = hits(self.limits, self.client);
        if self.guards.is_empty() && self.on_refusal.is_empty() {
            return memory.decide(&Batch::new(&limits), self.now);
        }
        let (guards, on_refusal) = (hits(self.guards, self.client), hits(self.on_refusal, self.client));
        memory.decide(&Batch::new(&limits).guards(&guards).on_refusal(&on_refusal), self.now)
    }

    pub(super) async fn run(&self, storage: &dyn Storage, now: Timestamp) -> Result<Decision, StorageError> {
        let (guards, limits) = (hits(self.guards, self.client), hits(self.limits, self.client));
        let on_refusal = hits(self.on_refusal, self.client);
        let batch = Batch::new(&limits).guards(&guards).on_refusal(&on_refusal);
        in_time(storage, storage.decide(&batch, now)).await
    }
}
