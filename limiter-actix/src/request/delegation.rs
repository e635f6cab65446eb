//! Delegation to a limiter further in.

use actix_web::dev::ServiceRequest;

use super::{phase::Phase, state::RequestState};
use crate::decision::charge::Charges;

impl RequestState {
    /// Leaves the rules that the request has not met yet to a limiter further in, and refunds their charges.
    pub(super) fn delegate(&self, req: &ServiceRequest) {
        if !self.is_in(Phase::Admitted) {
            return;
        }
        self.phase.set(Phase::Final);
        let rules = self.rules.borrow();
        let delegated = rules.unseen();
        if delegated.iter().all(|rule| rules.delegated.contains(rule)) {
            return;
        }
        self.predicted.prediction().delegate(&delegated);
        let table = self.predicted.worker.table(req);
        let mut key = table.key(&self.predicted.route, &rules.charged, req);
        key.delegated_rules = delegated;
        drop(rules);
        let plan = table.plan(key);
        let applicable = plan.applicable(req);
        let (kept, dropped): (Charges, Charges) =
            self.charges.take().into_iter().partition(|charge| {
                applicable.limits.iter().any(|limit| limit.shares_count_with(&charge.limit))
            });
        self.charges.replace(kept);
        self.refund(dropped);
    }
}
