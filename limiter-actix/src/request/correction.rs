use std::{mem, rc::Rc};

use actix_web::{
    HttpResponse,
    dev::{ResponseHead, ServiceRequest},
};
use limiter_core::storage::Decision;
use smallvec::SmallVec;

use super::state::RequestState;
use crate::{
    decision::{
        charge::{Charge, Charges, any_key_failed},
        decided::{DecidedBatch, record_windows},
        query::StorageQuery,
    },
    plan::{Plan, applicable::Applicable, bound_limit::BoundLimit, key::RuleIds},
    report::decided_by::Undecided,
    routing::registered::Position,
};

/// How the charges of a request must change, now that it is known which rules it meets.
pub(crate) struct Correction {
    rules: RuleIds,
    plan: Rc<Plan>,
    /// Taken in advance, and rightly so.
    pub(super) kept: Charges,
    /// Taken in advance, and to be given back.
    dropped: Charges,
    /// To be asked for.
    added: Charges,
    meta: Charges,
    /// How many of these are tested before: those of what is added, or all where nothing was decided before.
    guards: usize,
    /// Whether a function could not tell a limit.
    callback_failed: bool,
}

impl Correction {
    /// For the rules that have been met when the request is at its handler.
    pub(crate) fn new(state: &RequestState, req: &ServiceRequest) -> Self {
        Self::at(state, Position::Resource, req)
    }

    /// For the rules that have been met so far, the last of them here, and in a scope for those that may follow.
    pub(crate) fn at(state: &RequestState, here: Position, req: &ServiceRequest) -> Self {
        let mut rules = state.seen_rules.borrow().clone();
        if here == Position::Scope {
            // They may still be met, and what was taken for them is not to be taken again.
            rules.extend(state.unseen_rules());
        }
        let table = state.worker.table(req);
        let mut key = table.key_at(&rules, here, req);
        key.delegated_rules = state.undecided_delegated_rules();
        let plan = table.plan(key);
        let applicable = plan.applicable(req);
        let applicable = &*applicable;
        let charges = state.charges.take();
        let outage_limits = outage_limits(&plan, applicable, &charges, req);
        let (kept, dropped): (Charges, Charges) = charges.into_iter().partition(|charge| {
            let mut there = applicable.limits.iter().chain(&outage_limits);
            there.any(|limit| limit.shares_count_with(&charge.limit))
        });
        let is_new = |limit: &&Rc<_>| !kept.iter().any(|charge| charge.limit.shares_count_with(limit));
        // A limiter further in may have put its own proxies in force.
        state.worker.config.settings.address.begin(req);
        let added = Charge::of(applicable.limits.iter().filter(is_new), &state.client, req);
        let mut meta = Charge::of_breaches(&added);
        let of_added = meta.len();
        let awaits_check = state.awaits_check.replace(false);
        // Their functions are not asked again when there is nothing that could be refused.
        if awaits_check || !added.is_empty() {
            meta.extend(state.callback_cache.charges(&applicable.meta, &state.client, req));
        }
        let guards = if awaits_check { meta.len() } else { of_added };
        let (client, broken) = (&state.client, applicable.callback_failed);
        let callback_failed = broken || any_key_failed(&added, client) || any_key_failed(&meta, client);
        Self { rules, plan, kept, dropped, added, meta, guards, callback_failed }
    }

    /// The answer that needs no decision: a function could not tell a limit. Gives back all that was taken.
    pub(crate) fn failure(&mut self, state: &RequestState) -> Option<HttpResponse> {
        if !self.callback_failed {
            return None;
        }
        self.close(state);
        Some(HttpResponse::InternalServerError().finish())
    }

    /// Ends the request undecided: gives back all that was taken.
    fn close(&mut self, state: &RequestState) {
        state.is_final.set(true);
        state.charges.take();
        let taken = mem::take(&mut self.kept).into_iter().chain(mem::take(&mut self.dropped));
        state.refund(taken.collect());
    }

    /// Asks any storage, or what is to decide when it fails.
    pub(crate) async fn run(
        &mut self,
        state: &RequestState,
        req: &ServiceRequest,
    ) -> Result<Decision, Undecided> {
        if !state.has_response.get() && self.kept.iter().any(Charge::refunds_on_drop) {
            // The request may be dropped meanwhile.
            state.charges.replace(self.kept.clone());
        }
        let outcome = self.query(state).decide(&state.worker.config, req).await;
        let outcome = state.record_decider(outcome)?;
        if let Some(limits) = outcome.outage_limits {
            self.added = limits;
            self.meta.clear();
            self.guards = 0;
        }
        Ok(outcome.decision)
    }

    /// The answer to a request that could not be decided. Gives back all that was taken.
    pub(crate) fn undecided(
        mut self,
        why: Undecided,
        state: &RequestState,
        req: &ServiceRequest,
    ) -> HttpResponse {
        self.close(state);
        state.undecided(why, req)
    }

    pub(crate) fn query<'a>(&'a self, state: &'a RequestState) -> StorageQuery<'a> {
        StorageQuery {
            // Where the middleware has decided before, it has tested them.
            guards: &self.meta[..self.guards],
            limits: &self.added,
            on_refusal: &self.meta,
            client: &state.client,
            now: state.decided_at,
            plan: Some(&self.plan),
            kept: &self.kept,
        }
    }

    /// Lets the request go on with the right charges, or refuses it and gives back all it had taken.
    pub(crate) fn conclude(
        mut self,
        state: &RequestState,
        req: &ServiceRequest,
        decision: &Decision,
    ) -> Option<HttpResponse> {
        let batch = DecidedBatch {
            decision,
            guards: &self.meta[..self.guards],
            limits: &self.added,
            refunded: &self.kept,
        };
        if let Some(response) = state.refusal(&batch, req) {
            self.close(state);
            return Some(response);
        }
        self.apply(state, decision);
        None
    }

    /// Makes all refuse nothing: the request has been answered.
    pub(super) fn refuse_nothing(&mut self) {
        for charge in &mut self.added {
            charge.never_refuse();
        }
    }

    /// Takes nothing more: what is due could not be decided.
    pub(super) fn take_nothing(&mut self) {
        self.added.clear();
    }

    /// Makes the charges those that are right.
    pub(super) fn apply(mut self, state: &RequestState, decision: &Decision) {
        record_windows(decision, &mut self.added);
        self.put(state);
    }

    /// The same after the response, of which the functions of what is added have not been asked.
    pub(super) fn apply_after(mut self, state: &RequestState, decision: &Decision, response: &ResponseHead) {
        record_windows(decision, &mut self.added);
        let (not_due, due): (Charges, Charges) =
            mem::take(&mut self.added).into_iter().partition(|charge| charge.is_not_due(response));
        self.added = due;
        self.dropped.extend(not_due);
        self.put(state);
    }

    fn put(self, state: &RequestState) {
        state.charged_rules.replace(self.rules);
        state.delegated_rules.replace(state.undecided_delegated_rules());
        state.charges.replace(self.kept.into_iter().chain(self.added).collect());
        state.prepare_refund();
        state.refund(self.dropped);
    }
}

/// Of what holds in place of limits while the storage fails, that which the request may have taken from.
fn outage_limits(
    plan: &Plan,
    applicable: &Applicable,
    charges: &[Charge],
    req: &ServiceRequest,
) -> SmallVec<[Rc<BoundLimit>; 2]> {
    // An exempt request has none of these either.
    let may_have = !applicable.limits.is_empty() && charges.iter().any(|charge| !charge.is_in_storage());
    may_have.then(|| plan.outage_limits(req)).flatten().unwrap_or_default()
}
