//! A batch of charges, ready for a storage.

use actix_web::dev::ServiceRequest;
use limiter_core::{
    Key, Timestamp,
    storage::{Batch, Decision, MemoryStorage, Verdict},
};

use super::charge::{Charge, Charges, hits};
use crate::{plan::Plan, report::decided_by::DecidedBy};

/// The charges of one request: limits that must all pass, guards that are tested before them, and charges that
/// apply if the limits refuse.
#[derive(Clone, Copy)]
pub(crate) struct StorageQuery<'a> {
    /// The first of `on_refusal`, or all of them.
    pub(crate) guards: &'a [Charge],
    pub(crate) limits: &'a [Charge],
    pub(crate) on_refusal: &'a [Charge],
    /// Set if a refusal charges nothing.
    pub(crate) is_breach_deferred: bool,
    pub(crate) client: &'a Key,
    pub(crate) now: Timestamp,
    /// Finds the outage limits. `None` for named limits, which have no route.
    pub(crate) outage: Option<Outage<'a>>,
}

/// The source of the limits that replace all others while the storage fails.
#[derive(Clone, Copy)]
pub(crate) struct Outage<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) req: &'a ServiceRequest,
    /// Earlier charges of the request, which are not charged again.
    pub(crate) kept: &'a [Charge],
}

/// The outcome of a query.
pub(crate) struct QueryOutcome {
    pub(crate) decision: Decision,
    pub(crate) by: DecidedBy,
    /// The charges that were decided in place of the limits of the query.
    pub(crate) outage_limits: Option<Charges>,
}

impl<'a> StorageQuery<'a> {
    /// Decides in memory, at once.
    pub(crate) fn run_memory(&self, memory: &MemoryStorage) -> Decision {
        if self.is_empty() {
            return Decision::new(Verdict::Admitted, [], []);
        }
        let limits = hits(self.limits, self.client);
        let on_refusal = self.charges_of_breach();
        if self.guards.is_empty() && on_refusal.is_empty() {
            return memory.decide(&Batch::new(&limits), self.now);
        }
        let (guards, on_refusal) = (hits(self.guards, self.client), hits(on_refusal, self.client));
        memory.decide(&Batch::new(&limits).guards(&guards).on_refusal(&on_refusal), self.now)
    }

    /// Returns the charges that a refusal applies at once.
    pub(super) fn charges_of_breach(&self) -> &'a [Charge] {
        if self.is_breach_deferred { &[] } else { self.on_refusal }
    }

    /// Returns whether there is nothing to decide.
    pub(super) fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.guards.is_empty()
    }

    /// Returns all charges once: the guards are among those on a refusal, unless a refusal is not final.
    pub(super) fn charges(&self) -> impl Iterator<Item = &'a Charge> + use<'a> {
        let meta = if self.on_refusal.is_empty() { self.guards } else { self.on_refusal };
        self.limits.iter().chain(meta)
    }
}

impl QueryOutcome {
    pub(super) fn new(decision: Decision, by: DecidedBy) -> Self {
        Self { decision, by, outage_limits: None }
    }
}
