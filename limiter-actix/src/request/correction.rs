//! The correction of charges, once it is known which rules a request meets.

use std::{mem, rc::Rc};

use actix_web::{
    HttpRequest,
    dev::{ResponseHead, ServiceRequest},
};
use limiter_core::storage::Decision;

mod pending;

use super::{
    banned,
    chargeable_rules::ChargeableRules,
    pending::{PendingAdmission, PendingDecision, answered, decide},
    phase::Phase,
    refuse::Refusal,
    state::RequestState,
};
use crate::{
    decision::{
        charge::{Charge, Charges, any_key_failed, partition},
        decided::record_windows,
        reservation::end_reservations,
        usage::Usage,
    },
    linked::Linked,
    plan::{
        Plan,
        applicable::{Applicable, BoundLimits},
        bound_limit::Tier,
        key::RuleIds,
    },
    routing::{prediction::Prediction, registered::Position, trust::Credit},
};

/// The change of a request's charges to those of the rules that it has met.
pub(crate) struct Correction {
    state: Rc<RequestState>,
    rules: RuleIds,
    /// The place where the request has arrived, or is expected now.
    place: Prediction,
    credit: Credit,
    /// `true` if the request keeps its credit while it waits.
    keeps_credit: bool,
    /// The place where the request may arrive instead, if the predicted rules refuse.
    elsewhere: Option<Prediction>,
    plan: Rc<Plan>,
    /// Earlier charges that stay.
    pub(super) kept: Charges,
    /// Earlier charges, to be refunded.
    dropped: Charges,
    /// New charges, to be decided.
    added: Charges,
    meta: Charges,
    /// The number of guards in `meta`: those of the new charges, or all if nothing was decided before.
    guards: usize,
    callback_failed: bool,
    /// Set if async functions of the plan are to be called before there are charges.
    awaits_functions: bool,
}

/// The time at which a correction looks for bans and passes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bans {
    Apply,
    /// The request may still be one of an exempt place.
    Later,
}

/// Completes a correction where that is awaited.
static COMPLETE: Linked<CompleteFn> = Linked::new();

type CompleteFn = for<'r> fn(Correction, Bans, &'r ServiceRequest) -> PendingAdmission<'r, ()>;

/// Calls the async functions that a correction waits for, and makes it.
pub(crate) fn complete(correction: Correction, bans: Bans, req: &ServiceRequest) -> PendingAdmission<'_, ()> {
    COMPLETE.get()(correction, bans, req)
}

async fn complete_now(
    mut correction: Correction,
    bans: Bans,
    req: &ServiceRequest,
) -> Result<(), Box<Refusal>> {
    if correction.awaited_plan().is_some() {
        correction.suspend_credit();
        correction = answered(correction, req).await.unless_banned(bans, req)?;
    }
    decide(correction, req).await
}

impl Correction {
    pub(super) fn link_waits() {
        COMPLETE.link(|correction, bans, req| Box::pin(complete_now(correction, bans, req)));
    }

    /// Prepares the charges of the rules that the request has met so far, the last of them at this position. At a
    /// scope, charges of rules that may still follow stay.
    pub(crate) fn new(state: Rc<RequestState>, position: Position, req: &ServiceRequest) -> Self {
        let chargeable = ChargeableRules::new(&state, position, req);
        Self::charging(state, chargeable, req)
    }

    fn charging(state: Rc<RequestState>, chargeable: ChargeableRules, req: &ServiceRequest) -> Self {
        let ChargeableRules { rules, place, credit, elsewhere, plan } = chargeable;
        let awaits_functions = plan.awaits(req, state.predicted.settings());
        let mut correction = Self {
            state,
            rules,
            place,
            credit,
            keeps_credit: false,
            elsewhere,
            plan,
            kept: Charges::new(),
            dropped: Charges::new(),
            added: Charges::new(),
            meta: Charges::new(),
            guards: 0,
            callback_failed: false,
            awaits_functions,
        };
        if !awaits_functions {
            correction.charge(req);
        }
        correction
    }

    /// Keeps the credit on which rules are granted until they are met, also while the request waits.
    pub(super) fn keeping_credit(self) -> Self {
        Self { keeps_credit: true, ..self }
    }

    /// Finds the charges to keep, to refund and to make.
    fn charge(&mut self, req: &ServiceRequest) {
        let (state, plan) = (&self.state, &self.plan);
        // A limiter further in may have put its own proxies in force.
        state.predicted.settings().address.begin(req);
        let applicable = plan.applicable(req);
        let (kept, dropped) = split(state.charges.take(), plan, &applicable, req);
        let is_new = |limit: &&Rc<_>| !kept.iter().any(|charge| charge.limit.shares_count_with(limit));
        let client = &state.predicted.client;
        let (mut added, set_aside) =
            partition(state.set_aside.take(), &|charge| charge.is_of(&applicable.limits));
        state.set_aside.replace(set_aside);
        let is_added = |limit: &Rc<_>| added.iter().any(|charge| charge.limit.shares_count_with(limit));
        let new = applicable.limits.iter().filter(is_new).filter(|limit| !is_added(limit));
        let made = Charge::of(new, client, req);
        added.extend(made);
        let mut meta = Charge::of_breaches(&added);
        let is_check = state.is_in(Phase::Checking);
        let of_added = meta.len();
        // If nothing can be refused, the callbacks of meta limits are not called.
        if is_check || !added.is_empty() {
            meta.extend(state.predicted.callback_cache.charges(&applicable.meta, client, req));
        }
        let settings = state.predicted.settings();
        self.callback_failed =
            applicable.callback_failed || any_key_failed(&[&added, &meta], client, settings);
        drop(applicable);
        self.guards = if is_check { meta.len() } else { of_added };
        (self.kept, self.dropped, self.added, self.meta) = (kept, dropped, added, meta);
    }

    /// Refuses a banned client that was taken for one of an exempt place, or whose key is that of a limit which was not
    /// predicted, now that its place is known. One with a pass is charged nothing. If async functions are to be called
    /// first, that is not known yet.
    pub(crate) fn unless_banned(mut self, bans: Bans, req: &ServiceRequest) -> Result<Self, Box<Refusal>> {
        let is_later = bans == Bans::Later && !self.place.is_final();
        if is_later || self.awaits_functions || !self.config().bans.is_in_use() {
            return Ok(self);
        }
        match banned::apply(&self.state, &self.plan, self.kept.iter().chain(&self.added), req) {
            Ok(true) => {}
            Ok(false) => {
                self.charge_nothing();
                self.meta.clear();
                self.guards = 0;
            }
            Err(refusal) => {
                self.abandon();
                return Err(refusal);
            }
        }
        Ok(self)
    }

    /// Makes the new charges never refuse, for requests that already have a response. Such a request is hardly under way
    /// any more.
    pub(super) fn never_refuse(&mut self) {
        self.added.retain(|charge| !charge.is_concurrent());
        for charge in &mut self.added {
            charge.never_refuse();
        }
        // Not by a spent meta limit either: then nothing would be charged.
        self.guards = 0;
    }

    /// Returns whether the client has a pass where the request has come.
    pub(super) fn has_pass(&self, req: &ServiceRequest) -> bool {
        let (config, predicted) = (self.config(), &self.state.predicted);
        config.bans.is_in_use()
            && !self.plan.is_exempt()
            && banned::find(config, &predicted.client, self.added.iter(), predicted.decided_at, req)
                .is_some_and(|ban| ban.is_pass())
    }

    /// Leaves out the default limits, for requests that came to no route where those do not apply.
    pub(super) fn leave_out_defaults(&mut self) {
        self.added.retain(|charge| charge.limit.tier != Tier::Default);
        let (defaults, kept): (Charges, Charges) =
            mem::take(&mut self.kept).into_iter().partition(|charge| charge.limit.tier == Tier::Default);
        self.kept = kept;
        self.dropped.extend(defaults);
    }

    /// Charges nothing new, since nothing could be decided.
    pub(super) fn charge_nothing(&mut self) {
        self.added.clear();
    }

    /// Puts the charges in force.
    pub(super) fn apply(mut self, decision: &Decision) {
        record_windows(decision, &mut self.added);
        self.put();
    }

    /// The same after the response: `deduct_when` applies to the new charges, and the usage to the metered ones.
    pub(super) fn apply_after(mut self, decision: &Decision, req: &HttpRequest, response: &ResponseHead) {
        record_windows(decision, &mut self.added);
        let (not_due, due) = partition(mem::take(&mut self.added), &|charge| charge.is_not_due(response));
        self.added = due;
        self.dropped.extend(not_due);
        let predicted = &self.state.predicted;
        for charge in self.added.iter().filter(|charge| charge.is_metered()) {
            Usage::of(req).track(charge, &predicted.client, &predicted.worker.config);
        }
        self.put();
    }

    fn put(self) {
        let Self { state, rules, place, credit, mut kept, dropped, added, .. } = self;
        kept.extend(added);
        if state.is_in(Phase::Settled) {
            end_reservations(&mut kept);
        }
        state.rules.borrow_mut().recharge(rules, place, credit);
        state.charges.replace(kept);
        if state.is_in(Phase::Checking) {
            state.phase.set(Phase::Final);
        }
        state.prepare_refund();
        state.refund(dropped);
    }
}

/// Splits earlier charges into those that stay and those to be refunded.
fn split(charges: Charges, plan: &Plan, applicable: &Applicable, req: &ServiceRequest) -> (Charges, Charges) {
    let outage_limits = outage_limits(plan, applicable, &charges, req);
    partition(charges, &|charge| {
        let mut stays = applicable.limits.iter().chain(&outage_limits);
        stays.any(|limit| limit.shares_count_with(&charge.limit))
    })
}

/// Returns the outage limits that the request may be charged for.
fn outage_limits(
    plan: &Plan,
    applicable: &Applicable,
    charges: &[Charge],
    req: &ServiceRequest,
) -> BoundLimits {
    // An exempt request is exempt from them, too.
    let may_have = !applicable.limits.is_empty() && charges.iter().any(|charge| !charge.is_in_storage());
    may_have.then(|| plan.outage_limits(req)).flatten().unwrap_or_default()
}
