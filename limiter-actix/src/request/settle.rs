//! What is put right while a request is on its way, and after it.

use std::{cell::Cell, rc::Rc};

use actix_web::{
    Error, HttpRequest,
    dev::{ResponseHead, ServiceRequest, ServiceResponse},
};

use super::{misprediction::is_at_handler, state::RequestState};
use crate::{decision::charge::Charges, plan::bound_limit::Tier};

impl RequestState {
    /// Notes it when a middleware further in has changed the path. What stands on handlers says so by itself.
    fn watch_path(&self, req: &HttpRequest) {
        let Some(table) = self.worker.try_table() else { return };
        let may_matter = self.route.pattern().is_none() || table.has_rules_by_pattern();
        if !may_matter || table.is_rewritten() {
            return;
        }
        let is_routed = req.match_info().unprocessed().len() < req.match_info().as_str().len();
        if !is_routed {
            return;
        }
        let req = ServiceRequest::from_request(req.clone());
        if !Rc::ptr_eq(&table.route(&req), &self.route) {
            table.note_rewriting(&req);
        }
    }

    /// Finishes a request that was admitted.
    pub(crate) fn settle<B>(
        self: &Rc<Self>,
        response: Result<ServiceResponse<B>, Error>,
    ) -> Result<ServiceResponse<B>, Error> {
        self.has_response.set(true);
        match response {
            Ok(mut response) => {
                self.watch_path(response.request());
                self.charge_retroactively(&response);
                self.release_unmatched(&response);
                self.report();
                self.deduct(response.response().head());
                self.show(response.headers_mut());
                Ok(response)
            }
            Err(error) => Err(self.settle_error(error)),
        }
    }

    /// Finishes a request that was admitted and came to an error.
    fn settle_error(self: &Rc<Self>, mut error: Error) -> Error {
        let response = error.error_response();
        self.report();
        self.deduct(response.head());
        // An error may have one response only (`InternalError::from_response`), so the next to ask gets this.
        let (state, own) = (Rc::clone(self), Cell::new(Some(response)));
        error.add_response_mapper(move |another| {
            let mut response = own.take().unwrap_or(another);
            state.show(response.headers_mut());
            response
        });
        error
    }

    /// Gives back what a path has taken from the default limits that matched no route, where those do not
    /// hold for such paths.
    fn release_unmatched<B>(&self, response: &ServiceResponse<B>) {
        let may_be_unmatched = self.route.pattern().is_none();
        let hold_there = self.worker.config.settings.defaults.on_unmatched;
        if hold_there || !may_be_unmatched || is_at_handler(response.request()) {
            return;
        }
        let (released, kept): (Charges, Charges) =
            self.charges.take().into_iter().partition(|charge| charge.limit.tier == Tier::Default);
        self.charges.replace(kept);
        self.refund(released);
    }

    /// Gives back what the functions of the response say was not due.
    fn deduct(&self, response: &ResponseHead) {
        // Most requests have none, and need not pay for moving their charges about.
        if self.charges.borrow().iter().all(|charge| !charge.reserved) {
            return;
        }
        let mut charges = self.charges.take();
        let mut returned = Charges::new();
        for charge in charges.iter_mut().filter(|charge| charge.is_not_due(response)) {
            returned.push(charge.clone());
            charge.show_refunded();
        }
        self.charges.replace(charges);
        self.refund(returned);
    }
}

/// Also those are told of that were never answered: the client hung up, or the handler panicked. Some of what
/// they took may come back.
impl Drop for RequestState {
    fn drop(&mut self) {
        self.report();
        if !self.has_response.get() {
            self.refund_on_drop();
        }
    }
}
