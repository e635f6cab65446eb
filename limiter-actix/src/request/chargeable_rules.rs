//! The rules that a request is to be charged for, once it has come somewhere.

use std::{mem, rc::Rc};

use actix_web::dev::ServiceRequest;

use super::{phase::Phase, rule_ledger::RuleLedger, state::RequestState};
use crate::{
    plan::{Plan, key::RuleIds},
    routing::{prediction::Prediction, registered::Position, trust::Credit},
};

/// The rules that a request is to be charged for, with what follows from them.
pub(super) struct ChargeableRules {
    pub(super) rules: RuleIds,
    pub(super) place: Prediction,
    pub(super) credit: Credit,
    pub(super) elsewhere: Option<Prediction>,
    pub(super) plan: Rc<Plan>,
}

impl ChargeableRules {
    /// At a scope, these are the rules that the request has met, and those that are predicted inside. At a resource no
    /// rule follows.
    pub(super) fn new(state: &RequestState, position: Position, req: &ServiceRequest) -> Self {
        let table = state.predicted.worker.table(req);
        // What it was granted on credit can be granted again.
        drop(mem::take(&mut state.rules.borrow_mut().credit));
        let ledger = state.rules.borrow();
        if position == Position::Scope {
            return Self::predicted(state, &ledger, table.predict(req, &ledger.met_anywhere()), req);
        }
        let rules = ledger.met();
        let (place, mut key) = table.arrival(&rules, req);
        key.delegated_rules = ledger.still_delegated();
        Self { rules, place, credit: Credit::default(), elsewhere: None, plan: table.plan(key) }
    }

    /// These are the rules that the request meets in any case, with a place where it may arrive instead.
    pub(super) fn elsewhere(
        state: &RequestState,
        elsewhere: Option<Prediction>,
        req: &ServiceRequest,
    ) -> Self {
        let table = state.predicted.worker.table(req);
        let ledger = state.rules.borrow();
        let prediction = elsewhere.unwrap_or_else(|| table.predict(req, &ledger.met_anywhere()));
        Self::predicted(state, &ledger, prediction, req)
    }

    fn predicted(
        state: &RequestState,
        ledger: &RuleLedger,
        mut place: Prediction,
        req: &ServiceRequest,
    ) -> Self {
        let table = state.predicted.worker.table(req);
        let rules = ledger.own(&place.rules);
        let mut key = table.key(&place, &rules, req);
        key.delegated_rules =
            if state.is_in(Phase::TakenOver) { ledger.left_of(&rules) } else { ledger.still_delegated() };
        let (elsewhere, credit) = (place.elsewhere(), mem::take(&mut place.credit));
        Self { rules, place, credit, elsewhere, plan: table.plan(key) }
    }
}
