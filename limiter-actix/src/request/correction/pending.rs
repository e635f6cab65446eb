//! A correction as a decision that is being made.

use std::{mem, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;
use limiter_core::storage::Decision;

use super::{Bans, Correction, complete};
use crate::{
    decision::{
        charge::Charges,
        context::DecisionContext,
        decided::{DecidedBatch, record_windows},
        hold::hold,
        query::{Outage, StorageQuery},
        reservation::reserve,
    },
    plan::Plan,
    report::decided_by::DecidedBy,
    request::{
        chargeable_rules::ChargeableRules,
        pending::{PendingAdmission, PendingDecision, Progress, decide_in_memory},
        phase::Phase,
    },
    settings::Config,
};

impl PendingDecision for Correction {
    /// The request is admitted already, and its guard ends it.
    type Admitted = ();

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
        let Self { state, rules, place, credit, keeps_credit, elsewhere, plan, .. } = self;
        let answered = Self::charging(state, ChargeableRules { rules, place, credit, elsewhere, plan }, req);
        Self { keeps_credit, ..answered }
    }

    fn query<'a>(&'a self, req: &'a ServiceRequest) -> StorageQuery<'a> {
        StorageQuery {
            // The admission has tested the other meta limits.
            guards: &self.meta[..self.guards],
            limits: &self.added,
            on_refusal: if self.elsewhere.is_some() { &[] } else { &self.meta },
            is_breach_deferred: false,
            client: &self.state.predicted.client,
            now: self.state.predicted.decided_at,
            outage: Some(Outage { plan: &self.plan, req, kept: &self.kept }),
        }
    }

    fn batch<'a>(&'a self, decision: &'a Decision) -> DecidedBatch<'a> {
        let guards = &self.meta[..self.guards];
        DecidedBatch { decision, guards, limits: &self.added, refunded: &self.kept }
    }

    fn context(&self) -> DecisionContext<'_> {
        self.state.context()
    }

    fn record_decider(&mut self, by: DecidedBy) {
        self.state.record_decider(by);
    }

    fn replace_limits(&mut self, outage_limits: Charges) {
        self.added = outage_limits;
        self.meta.clear();
        self.guards = 0;
    }

    fn elsewhere(self, req: &ServiceRequest) -> Result<Self, Self> {
        if self.elsewhere.is_none() {
            return Err(self);
        }
        let Self { state, elsewhere, mut kept, dropped, added, .. } = self;
        kept.extend(dropped);
        state.charges.replace(kept);
        state.set_aside.borrow_mut().extend(added);
        let chargeable = ChargeableRules::elsewhere(&state, elsewhere, req);
        Ok(Self::charging(state, chargeable, req))
    }

    fn suspend_credit(&mut self) {
        if !self.keeps_credit {
            self.credit.suspend();
        }
    }

    fn prepare_wait(&self) {
        // If the request is dropped meanwhile, they are reported, and refunded if their limits require it.
        if !self.state.is_in(Phase::Settled) {
            let charged = self.kept.iter().chain(&self.dropped).cloned().collect();
            self.state.charges.replace(charged);
        }
    }

    fn abandon(&mut self) {
        let phase = self.state.phase.replace(Phase::Refused);
        self.state.charges.take();
        let mut charged = mem::take(&mut self.kept);
        charged.extend(mem::take(&mut self.dropped));
        self.state.refund(charged);
        // Limiters further in have admitted it so far. A handler that runs the check has been reached, and they stay charged.
        if phase == Phase::TakenOver {
            self.state.inner.borrow().iter().for_each(|inner| inner.withdraw());
        }
    }

    fn admit(mut self, req: &ServiceRequest, decision: &Decision) {
        record_windows(decision, &mut self.added);
        let predicted = &self.state.predicted;
        reserve(&mut self.added, &predicted.client, predicted.decided_at, &predicted.worker.config);
        hold(&mut self.added, &predicted.client, &predicted.worker.config);
        let state = Rc::clone(&self.state);
        self.put();
        state.keep_usage(req);
        // The response has not waited for the check.
        if state.is_in(Phase::Settled) {
            state.track_usage_on_drop();
        }
    }

    fn decide_now(self, req: &ServiceRequest) -> Progress<Self> {
        decide_in_memory(self, req)
    }

    fn decide_later<'r>(self, req: &'r ServiceRequest) -> PendingAdmission<'r, Self::Admitted>
    where
        Self: 'r,
    {
        complete(self, Bans::Later, req)
    }
}
