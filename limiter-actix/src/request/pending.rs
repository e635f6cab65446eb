//! The pipeline of all decisions: query the storage, then admit or refuse.

use std::{rc::Rc, sync::Arc, time::Duration};

use actix_web::dev::ServiceRequest;
use futures_util::{FutureExt, future::LocalBoxFuture};
use limiter_core::storage::Decision;

use super::refuse::{Refusal, refuse};
use crate::{
    decision::{
        charge::Charges,
        context::DecisionContext,
        decided::DecidedBatch,
        query::StorageQuery,
        reservation::{RefusalCause, Tries, with_honest_waits, with_short_waits},
    },
    plan::Plan,
    report::decided_by::{DecidedBy, Undecided},
    settings::{Config, backend::Backend},
};

/// A decision that is prepared and not made yet: an admission, a correction, or the check of a named limit.
pub(crate) trait PendingDecision: Sized {
    /// The result of an admission.
    type Admitted;

    fn config(&self) -> &Arc<Config>;

    /// Returns whether a callback has failed, so that nothing can be decided.
    fn callback_failed(&self) -> bool;

    /// Returns the plan whose async functions must be called before there are charges.
    fn awaited_plan(&self) -> Option<&Rc<Plan>> {
        None
    }

    /// Prepares the charges, once the functions have been called.
    fn with_answers(self, _req: &ServiceRequest) -> Self {
        self
    }

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

    /// Returns the credit on which rules are granted, for as long as the decision takes.
    fn suspend_credit(&mut self) {}

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
    /// The storage is remote, or async functions are to be called: the decision must be awaited.
    Waits(P),
}

/// Makes a decision at once, if counts are in memory.
#[inline]
pub(super) fn decide_in_memory<P: PendingDecision>(mut pending: P, req: &ServiceRequest) -> Progress<P> {
    if pending.callback_failed() {
        pending.abandon();
        return Progress::Done(Err(Refusal::undecided(Undecided::CallbackFailed, &pending.context(), req)));
    }
    if matches!(pending.config().settings.storage, Backend::Remote { .. }) || pending.awaited_plan().is_some()
    {
        // The future may be polled after others have come.
        pending.suspend_credit();
        return Progress::Waits(pending);
    }
    let mut tries = Tries::of(&pending.query(req), pending.config());
    loop {
        let decision = query_memory(&pending, req, &tries);
        if decision.is_admitted() {
            return Progress::Done(Ok(pending.admit(req, &decision)));
        }
        pending = match pending.elsewhere(req) {
            Ok(pending) => return decide_in_memory(pending, req),
            Err(pending) => pending,
        };
        let query = pending.query(req);
        match tries.judge(&query, &decision, pending.config()) {
            RefusalCause::ByReservations => {
                return Progress::Done(refuse_for_now(pending, req, &decision));
            }
            RefusalCause::Breach => {
                let memory = pending.config().settings.storage.memory();
                let meta_wait =
                    query.meta_wait_in_memory(memory, &decision).max(ban_in_memory(&pending, req, &decision));
                let decision = with_honest_waits(&query, &decision, pending.config()).unwrap_or(decision);
                return Progress::Done(conclude(pending, req, &decision, meta_wait));
            }
            RefusalCause::Unclear => {}
        }
    }
}

#[inline]
fn query_memory<P: PendingDecision>(pending: &P, req: &ServiceRequest, tries: &Tries) -> Decision {
    let settings = &pending.config().settings;
    let query = StorageQuery { is_breach_deferred: tries.defer_breach(), ..pending.query(req) };
    let _timer = settings.telemetry.time_decision(!query.limits.is_empty());
    query.run_memory(settings.storage.memory())
}

/// Bans the client if a rule requires it, where nothing is awaited. Returns the duration.
#[inline]
fn ban_in_memory<P: PendingDecision>(
    pending: &P,
    req: &ServiceRequest,
    decision: &Decision,
) -> Option<Duration> {
    let query = pending.query(req);
    let may_ban = query.may_ban();
    may_ban
        .then(|| query.ban(pending.config(), decision, DecidedBy::Storage).now_or_never())
        .flatten()
        .flatten()
}

/// Calls the async functions that a decision waits for, and prepares its charges.
pub(crate) async fn answered<P: PendingDecision>(pending: P, req: &ServiceRequest) -> P {
    let Some(plan) = pending.awaited_plan().cloned() else { return pending };
    // Boxed, since few decisions wait.
    Box::pin(plan.call_async(req, &pending.config().settings)).await;
    pending.with_answers(req)
}

/// Makes a decision, wherever counts are. The rules of an admitted request must be [granted anew](super::grants) then.
pub(crate) async fn decide<P: PendingDecision>(
    mut pending: P,
    req: &ServiceRequest,
) -> Result<P::Admitted, Box<Refusal>> {
    pending.suspend_credit();
    let mut pending = answered(pending, req).await;
    let mut tries = Tries::of(&pending.query(req), pending.config());
    loop {
        let decision = if pending.callback_failed() {
            Err(Undecided::CallbackFailed)
        } else {
            query_storage(&mut pending, req, tries.defer_breach()).await
        };
        pending = match decision {
            Ok((decision, _)) if decision.is_admitted() => return Ok(pending.admit(req, &decision)),
            Ok((decision, by)) => match pending.elsewhere(req) {
                Ok(other) => {
                    let other = answered(other, req).await;
                    tries = Tries::of(&other.query(req), other.config());
                    other
                }
                Err(pending) => match tries.judge(&pending.query(req), &decision, pending.config()) {
                    RefusalCause::ByReservations => return refuse_for_now(pending, req, &decision),
                    RefusalCause::Breach => {
                        let (query, config) = (pending.query(req), pending.config());
                        let mut meta_wait = query.meta_wait(config, &decision, by).await;
                        if query.may_ban() {
                            meta_wait = meta_wait.max(query.ban(config, &decision, by).await);
                        }
                        let decision = with_honest_waits(&query, &decision, config).unwrap_or(decision);
                        return conclude(pending, req, &decision, meta_wait);
                    }
                    RefusalCause::Unclear => pending,
                },
            },
            Err(why) => {
                pending.abandon();
                return Err(Refusal::undecided(why, &pending.context(), req));
            }
        };
    }
}

/// Queries the storage. If it fails, the failure policy of each limit applies. Returns who has decided, too.
pub(super) async fn query_storage<P: PendingDecision>(
    pending: &mut P,
    req: &ServiceRequest,
    is_breach_deferred: bool,
) -> Result<(Decision, DecidedBy), Undecided> {
    pending.prepare_wait();
    let query = StorageQuery { is_breach_deferred, ..pending.query(req) };
    let outcome = query.decide(pending.config()).await;
    pending.record_decider(outcome.as_ref().map_or(DecidedBy::Skipped, |outcome| outcome.by));
    let outcome = outcome?;
    if let Some(limits) = outcome.outage_limits {
        pending.replace_limits(limits);
    }
    Ok((outcome.decision, outcome.by))
}

/// Admits the request, or refuses it for a breach.
#[inline]
fn conclude<P: PendingDecision>(
    pending: P,
    req: &ServiceRequest,
    decision: &Decision,
    meta_wait: Option<Duration>,
) -> Result<P::Admitted, Box<Refusal>> {
    conclude_for(pending, req, decision, meta_wait, false)
}

/// Refuses the request, since other requests under way have reserved the quota.
#[cold]
fn refuse_for_now<P: PendingDecision>(
    pending: P,
    req: &ServiceRequest,
    decision: &Decision,
) -> Result<P::Admitted, Box<Refusal>> {
    conclude_for(pending, req, &with_short_waits(decision), None, true)
}

fn conclude_for<P: PendingDecision>(
    mut pending: P,
    req: &ServiceRequest,
    decision: &Decision,
    meta_wait: Option<Duration>,
    is_by_reservations: bool,
) -> Result<P::Admitted, Box<Refusal>> {
    let context = DecisionContext { meta_wait, is_by_reservations, ..pending.context() };
    if !decision.is_admitted()
        && let Some(refusal) = refuse(&context, &pending.batch(decision), req)
    {
        pending.abandon();
        return Err(refusal);
    }
    Ok(pending.admit(req, decision))
}
