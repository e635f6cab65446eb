//! Asks the storage.

use std::time::Duration;

use actix_web::{dev::ServiceRequest, rt::time::timeout};
use limiter_core::{
    Key, Timestamp, Window,
    storage::{Answer, Batch, Decision, MemoryStorage, Storage, StorageError, Verdict},
};

use super::charge::{Charge, Charges, hits};
use crate::{
    limit::on_storage_failure::{DecidedBy, Undecided},
    plan::Plan,
    settings::{Backend, Config},
};

/// What is decided for one request: limits that must all pass, guards that are tested before, and what is
/// taken when the limits refuse.
pub(crate) struct Question<'a> {
    /// The first of those `on_refusal`, or all.
    pub(crate) guards: &'a [Charge],
    pub(crate) limits: &'a [Charge],
    pub(crate) on_refusal: &'a [Charge],
    pub(crate) client: &'a Key,
    pub(crate) now: Timestamp,
    /// Knows what may hold in place of the limits; none for limits by hand.
    pub(crate) plan: Option<&'a Plan>,
    /// What the request has taken before.
    pub(crate) held: &'a [Charge],
}

/// How a question came out.
pub(crate) struct Outcome {
    pub(crate) decision: Decision,
    pub(crate) by: DecidedBy,
    /// What was decided in place of what was asked.
    pub(crate) instead: Option<Charges>,
}

/// How long a remote storage may take that keeps no deadline of its own.
const DEADLINE: Duration = Duration::from_millis(100);

impl Question<'_> {
    pub(crate) fn ask_memory(&self, memory: &MemoryStorage) -> Decision {
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

    async fn ask(&self, storage: &dyn Storage, now: Timestamp) -> Result<Decision, StorageError> {
        let (guards, limits) = (hits(self.guards, self.client), hits(self.limits, self.client));
        let on_refusal = hits(self.on_refusal, self.client);
        let batch = Batch::new(&limits).guards(&guards).on_refusal(&on_refusal);
        in_time(storage, storage.decide(&batch, now)).await
    }

    /// The decision of the limiter's storage; when that fails, of what is to decide then.
    pub(crate) async fn decide(&self, config: &Config, req: &ServiceRequest) -> Result<Outcome, Undecided> {
        let _timed = config.settings.telling.time_decision(self.limits);
        let by_storage = |decision| Outcome { decision, by: DecidedBy::Storage, instead: None };
        match &config.settings.storage {
            Backend::Memory(memory) => Ok(by_storage(self.ask_memory(memory))),
            Backend::Remote { .. } if self.limits.is_empty() && self.guards.is_empty() => {
                Ok(by_storage(Decision::new(Verdict::Admitted, [], [])))
            }
            Backend::Remote { storage, fallback } => {
                let now = config.settings.clock.now();
                match self.ask(&**storage, now).await {
                    Ok(decision) => {
                        config.health.succeeded();
                        Ok(by_storage(decision))
                    }
                    Err(error) => {
                        config.health.failed(&error, now);
                        self.decide_without(fallback, &config.settings, req)
                    }
                }
            }
        }
    }
}

/// The answer of a remote storage, which is an error when it does not come in time.
pub(crate) async fn in_time<T>(storage: &dyn Storage, answer: Answer<'_, T>) -> Result<T, StorageError>
where
    T: Unpin,
{
    if storage.has_deadline() {
        return answer.await;
    }
    match timeout(DEADLINE, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(StorageError::new("the storage did not answer within 100 ms")),
    }
}

/// Notes how each of the charges stands.
pub(crate) fn note(decision: &Decision, charges: &mut Charges) {
    for (charge, window) in charges.iter_mut().zip(decision.limits()) {
        if charge.is_decided() {
            charge.window = Some(*window);
        }
    }
}

/// Of the limits that refused, the one with the longest wait, and whether it is a meta limit. No wait that
/// helps counts as the longest.
pub(crate) fn breached<'a>(
    decision: &Decision,
    guards: &'a [Charge],
    limits: &'a [Charge],
) -> Option<(&'a Charge, Window, bool)> {
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
        .map(|(charge, window)| (charge, *window, is_meta))
}
