//! The admission of a request: decides the limits of the predicted route.

use std::{borrow::Cow, mem, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;
use limiter_core::storage::Decision;

use super::{
    banned,
    early_drop::OnEarlyDrop,
    pending::{PendingAdmission, PendingDecision, Progress, decide, decide_in_memory},
    refuse::Refusal,
    stack::LimiterStack,
    state::RequestState,
};
use crate::{
    decision::{
        charge::{Charge, Charges, any_key_failed, partition},
        context::DecisionContext,
        decided::{DecidedBatch, record_windows},
        hold::hold,
        query::{Outage, StorageQuery},
        reservation::reserve,
    },
    linked::Linked,
    plan::Plan,
    report::decided_by::DecidedBy,
    settings::Config,
};

/// A request that is predicted and not decided yet.
pub(crate) struct Admission {
    /// The state of the request, which nobody else has yet.
    state: Rc<RequestState>,
    charges: Charges,
    /// Charges of a place where the request may not arrive, which refused.
    set_aside: Charges,
    /// The meta limits: tested before the other limits, and charged if those refuse.
    meta: Charges,
    plan: Rc<Plan>,
    callback_failed: bool,
    /// Set if async functions of the plan are to be called before there are charges. Those made before are in `charges`.
    awaits_functions: bool,
}

/// Decides where that is awaited.
static DECIDE: Linked<for<'r> fn(Admission, &'r ServiceRequest) -> PendingAdmission<'r, OnEarlyDrop>> =
    Linked::new();

impl Admission {
    pub(super) fn link_waits() {
        DECIDE.link(|admission, req| Box::pin(decide(admission, req)));
    }

    /// Prepares the charges of a plan.
    pub(super) fn new(state: Rc<RequestState>, plan: Rc<Plan>, req: &ServiceRequest) -> Self {
        Self::charging(state, plan, Charges::new(), req)
    }

    /// Returns `None` if the client has a pass, and a refusal if it is banned.
    pub(super) fn unless_banned(self, req: &ServiceRequest) -> Result<Option<Self>, Box<Refusal>> {
        let is_limited = banned::apply(&self.state, &self.plan, self.charges.iter(), req)?;
        Ok(is_limited.then_some(self))
    }

    /// Prepares the charges of a plan. Those made before are not made again.
    fn charging(state: Rc<RequestState>, plan: Rc<Plan>, before: Charges, req: &ServiceRequest) -> Self {
        let predicted = &state.predicted;
        let auto_check = predicted.settings().auto_check;
        if auto_check && plan.awaits(req, predicted.settings()) {
            let (set_aside, meta, callback_failed) = (Charges::new(), Charges::new(), false);
            return Self {
                state,
                charges: before,
                set_aside,
                meta,
                plan,
                callback_failed,
                awaits_functions: true,
            };
        }
        let awaits_functions = false;
        let applicable = if auto_check { plan.applicable(req) } else { Cow::default() };
        let client = &predicted.client;
        if before.is_empty() && applicable.is_empty() {
            let callback_failed = applicable.callback_failed;
            drop(applicable);
            let (charges, set_aside, meta) = (Charges::new(), Charges::new(), Charges::new());
            return Self { state, charges, set_aside, meta, plan, callback_failed, awaits_functions };
        }
        let (charges, set_aside) = if before.is_empty() {
            (Charge::of(applicable.limits.iter(), client, req), Charges::new())
        } else {
            let (mut charges, set_aside) = partition(before, &|charge| charge.is_of(&applicable.limits));
            let is_new = |limit: &&Rc<_>| !charges.iter().any(|charge| charge.limit.shares_count_with(limit));
            let added = Charge::of(applicable.limits.iter().filter(is_new), client, req);
            charges.extend(added);
            (charges, set_aside)
        };
        let mut meta = predicted.callback_cache.charges(&applicable.meta, client, req);
        meta.extend(Charge::of_breaches(&charges));
        let callback_failed =
            applicable.callback_failed || any_key_failed(&[&charges, &meta], client, predicted.settings());
        drop(applicable);
        Self { state, charges, set_aside, meta, plan, callback_failed, awaits_functions }
    }
}

impl PendingDecision for Admission {
    type Admitted = OnEarlyDrop;

    fn config(&self) -> &Arc<Config> {
        &self.state.predicted.worker.config
    }

    fn callback_failed(&self) -> bool {
        self.callback_failed
    }

    fn awaited_plan(&self) -> Option<&Rc<Plan>> {
        self.awaits_functions.then_some(&self.plan)
    }

    fn with_answers(self, req: &ServiceRequest) -> Self {
        Self::charging(self.state, self.plan, self.charges, req)
    }

    fn query<'a>(&'a self, req: &'a ServiceRequest) -> StorageQuery<'a> {
        StorageQuery {
            guards: &self.meta,
            limits: &self.charges,
            // A refusal that is not final is no breach.
            on_refusal: if self.state.predicted.prediction.may_end_elsewhere() { &[] } else { &self.meta },
            is_breach_deferred: false,
            client: &self.state.predicted.client,
            now: self.state.predicted.decided_at,
            outage: Some(Outage { plan: &self.plan, req, kept: &[] }),
        }
    }

    fn batch<'a>(&'a self, decision: &'a Decision) -> DecidedBatch<'a> {
        DecidedBatch { decision, guards: &self.meta, limits: &self.charges, refunded: &[] }
    }

    fn context(&self) -> DecisionContext<'_> {
        self.state.context()
    }

    fn record_decider(&mut self, by: DecidedBy) {
        self.state.record_decider(by);
    }

    fn replace_limits(&mut self, outage_limits: Charges) {
        self.charges = outage_limits;
        self.meta.clear();
    }

    fn suspend_credit(&mut self) {
        self.state.rules.borrow_mut().credit.suspend();
    }

    /// A guard may lead the request past the predicted place. Then only the limits there can refuse it now, and those of
    /// the predicted place are decided where it arrives.
    fn elsewhere(mut self, req: &ServiceRequest) -> Result<Self, Self> {
        let elsewhere = self.state.predicted.prediction.elsewhere();
        let (Some(mut prediction), Some(state)) = (elsewhere, Rc::get_mut(&mut self.state)) else {
            return Err(self);
        };
        let rules = mem::take(state.rules.get_mut());
        let table = state.predicted.worker.table(req);
        let charged = rules.own(&prediction.rules);
        let mut key = table.key(&prediction, &charged, req);
        key.delegated_rules = prediction.delegated_rules();
        let plan = table.plan(key);
        *state.rules.get_mut() = rules.predicted_anew(&mut prediction, charged);
        state.predicted.prediction = prediction;
        let Self { state, mut charges, set_aside, .. } = self;
        charges.extend(set_aside);
        Ok(Self::charging(state, plan, charges, req))
    }

    fn admit(self, req: &ServiceRequest, decision: &Decision) -> OnEarlyDrop {
        let Self { state, mut charges, set_aside, .. } = self;
        record_windows(decision, &mut charges);
        let predicted = &state.predicted;
        reserve(&mut charges, &predicted.client, predicted.decided_at, &predicted.worker.config);
        hold(&mut charges, &predicted.client, &predicted.worker.config);
        state.charges.replace(charges);
        if !set_aside.is_empty() {
            state.set_aside.replace(set_aside);
        }
        state.prepare_refund();
        state.keep_usage(req);
        LimiterStack::push(req, &state);
        OnEarlyDrop::new(state)
    }

    fn decide_now(self, req: &ServiceRequest) -> Progress<Self> {
        decide_in_memory(self, req)
    }

    fn decide_later<'r>(self, req: &'r ServiceRequest) -> PendingAdmission<'r, Self::Admitted>
    where
        Self: 'r,
    {
        DECIDE.get()(self, req)
    }
}
