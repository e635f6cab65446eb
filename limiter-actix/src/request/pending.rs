//! The pipeline of all decisions: query the storage, then admit or refuse.

use std::time::Duration;

use actix_web::dev::ServiceRequest;
use futures_util::future::LocalBoxFuture;
use limiter_core::storage::Decision;

use super::refuse::{Refusal, refuse};
use crate::{
    decision::{charge::Charges, context::DecisionContext, decided::DecidedBatch, query::StorageQuery},
    report::decided_by::{DecidedBy, Undecided},
    settings::{Config, backend::Backend},
};

/// A decision that is prepared and not made yet: an admission, a correction, or the check of a named limit.
pub(crate) trait PendingDecision: Sized {
    /// The result of an admission.
    type Admitted;

    fn config(&self) -> &Config;

    /// Returns whether a callback has failed, so that nothing can be decided.
    fn callback_failed(&self) -> bool;

    fn query<'a>(&'a self, req: &'a ServiceRequest) -> StorageQuery<'a>;

    fn batch<'a>(&'a self, decision: &'a Decision) -> DecidedBatch<'a>;

    fn context(&self) -> DecisionContext<'_>;

    fn record_decider(&mut self, by: DecidedBy);

    /// Continues with the outage limits in place of all others.
    fn replace_limits(&mut self, outage_limits: Charges);

    /// Continues with the decision for another place, where the request may arrive instead. Returns itself if there is
    /// none, so that a refusal is final.
    fn elsewhere(self, _req: &ServiceRequest) -> Result<Self, Self> {
        Err(self)
    }

    /// Keeps earlier charges where an early drop finds them, before the storage is awaited.
    fn prepare_wait(&self) {}

    /// Ends the request without an admission, and refunds its earlier charges.
    fn abandon(&mut self) {}

    fn admit(self, req: &ServiceRequest, decision: &Decision) -> Self::Admitted;

    /// Calls [`decide_in_memory`]. Not generic, so that it is compiled once, and not for each service.
    fn decide_now(self, req: &ServiceRequest) -> Progress<Self>;

    /// Boxes [`decide`], for the same reason.
    fn decide_later<'r>(self, req: &'r ServiceRequest) -> PendingAdmission<'r, Self::Admitted>
    where
        Self: 'r;
}

/// The future of a decision, wherever counts are.
pub(crate) type PendingAdmission<'r, A> = LocalBoxFuture<'r, Result<A, Box<Refusal>>>;

/// The result of [`decide_in_memory`].
pub(crate) enum Progress<P: PendingDecision> {
    Done(Result<P::Admitted, Box<Refusal>>),
    /// The storage is remote: the decision must be awaited.
    Waits(P),
}

/// Makes a decision at once, if counts are in memory.
#[inline]
pub(super) fn decide_in_memory<P: PendingDecision>(mut pending: P, req: &ServiceRequest) -> Progress<P> {
    if pending.callback_failed() {
        pending.abandon();
        return Progress::Done(Err(Refusal::undecided(Undecided::CallbackFailed, &pending.context(), req)));
    }
    let settings = &pending.config().settings;
    let Backend::Memory(memory) = &settings.storage else { return Progress::Waits(pending) };
    let query = pending.query(req);
    let decision = {
        let _timer = settings.telemetry.time_decision(!query.limits.is_empty());
        query.run_memory(memory)
    };
    if decision.is_admitted() {
        return Progress::Done(Ok(pending.admit(req, &decision)));
    }
    match pending.elsewhere(req) {
        Ok(pending) => decide_in_memory(pending, req),
        Err(pending) => {
            let memory = pending.config().settings.storage.memory();
            let meta_wait = pending.query(req).meta_wait_in_memory(memory, &decision);
            Progress::Done(conclude(pending, req, &decision, meta_wait))
        }
    }
}

/// Makes a decision, wherever counts are.
pub(crate) async fn decide<P: PendingDecision>(
    mut pending: P,
    req: &ServiceRequest,
) -> Result<P::Admitted, Box<Refusal>> {
    loop {
        let decision = if pending.callback_failed() {
            Err(Undecided::CallbackFailed)
        } else {
            query_storage(&mut pending, req).await
        };
        pending = match decision {
            Ok(decision) if decision.is_admitted() => return Ok(pending.admit(req, &decision)),
            Ok(decision) => match pending.elsewhere(req) {
                Ok(other) => other,
                Err(pending) => {
                    let by = pending.context().decided_by;
                    let meta_wait = pending.query(req).meta_wait(pending.config(), &decision, by).await;
                    return conclude(pending, req, &decision, meta_wait);
                }
            },
            Err(why) => {
                pending.abandon();
                return Err(Refusal::undecided(why, &pending.context(), req));
            }
        };
    }
}

/// Queries the storage. If it fails, the failure policy of each limit applies.
pub(super) async fn query_storage<P: PendingDecision>(
    pending: &mut P,
    req: &ServiceRequest,
) -> Result<Decision, Undecided> {
    pending.prepare_wait();
    let outcome = pending.query(req).decide(pending.config()).await;
    pending.record_decider(outcome.as_ref().map_or(DecidedBy::Skipped, |outcome| outcome.by));
    let outcome = outcome?;
    if let Some(limits) = outcome.outage_limits {
        pending.replace_limits(limits);
    }
    Ok(outcome.decision)
}

/// Admits the request, or refuses it.
#[inline]
fn conclude<P: PendingDecision>(
    mut pending: P,
    req: &ServiceRequest,
    decision: &Decision,
    meta_wait: Option<Duration>,
) -> Result<P::Admitted, Box<Refusal>> {
    let context = DecisionContext { meta_wait, ..pending.context() };
    if !decision.is_admitted()
        && let Some(refusal) = refuse(&context, &pending.batch(decision), req)
    {
        pending.abandon();
        return Err(refusal);
    }
    Ok(pending.admit(req, decision))
}
