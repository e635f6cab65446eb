//! What a limiter further in decides in place of one further out.

use actix_web::dev::ServiceRequest;

use super::state::RequestState;
use crate::decision::charge::Charges;

impl RequestState {
    /// Lets a limiter that stands further in decide the rules that have not been met yet.
    pub(crate) fn delegate(&self, req: &ServiceRequest) {
        if self.is_final.replace(true) {
            return;
        }
        let theirs = self.unseen_rules();
        if theirs.iter().all(|rule| self.delegated_rules.borrow().contains(rule)) {
            return;
        }
        self.prediction().delegate(&theirs);
        let table = self.worker.table(req);
        let mut key = table.key(&self.route, &self.charged_rules.borrow(), req);
        key.delegated_rules = theirs;
        let plan = table.plan(key);
        let applicable = plan.applicable(req);
        let charges = self.charges.take();
        let (kept, dropped): (Charges, Charges) = charges
            .into_iter()
            .partition(|charge| applicable.limits.iter().any(|limit| limit.shares_count_with(&charge.limit)));
        self.charges.replace(kept);
        self.refund(dropped);
    }
}
