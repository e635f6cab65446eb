//! Delegation to a limiter further in.

use actix_web::dev::ServiceRequest;

use super::{phase::Phase, state::RequestState};
use crate::{decision::charge::partition, plan::key::RuleId};

impl RequestState {
    /// Leaves the rules that the request has not met yet to a limiter further in, and refunds their charges. On a route or
    /// resource, that limiter also decides the rule there, which is returned.
    pub(super) fn delegate(&self, req: &ServiceRequest) -> Option<RuleId> {
        match self.phase.get() {
            Phase::Admitted => self.delegate_charged(req),
            Phase::AwaitsCheck => self.delegate_unchecked(),
            _ => None,
        }
    }

    /// The same for a request that the handler is to check. The check leaves these rules out.
    fn delegate_unchecked(&self) -> Option<RuleId> {
        let mut rules = self.rules.borrow_mut();
        rules.leave_all();
        rules.hand_over()
    }

    fn delegate_charged(&self, req: &ServiceRequest) -> Option<RuleId> {
        self.phase.set(Phase::TakenOver);
        let mut rules = self.rules.borrow_mut();
        let mut delegated = rules.unseen();
        let handed_over = rules.hand_over();
        if let Some(rule) = handed_over {
            delegated.push(rule);
        }
        if delegated.iter().all(|rule| rules.is_delegated(*rule)) {
            return handed_over;
        }
        let prediction = rules.moved.as_deref().unwrap_or(&self.predicted.prediction);
        prediction.delegate(&delegated);
        let table = self.predicted.worker.table(req);
        let mut key = table.key(prediction, &rules.charged, req);
        key.delegated_rules = delegated;
        drop(rules);
        let plan = table.plan(key);
        let applicable = plan.applicable(req);
        let (kept, dropped) = partition(self.charges.take(), &|charge| charge.is_of(&applicable.limits));
        self.charges.replace(kept);
        self.refund(dropped);
        handed_over
    }
}
