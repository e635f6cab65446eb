//! The end of a request, with its response.

use std::{cell::Cell, mem, rc::Rc};

use actix_web::{
    Error, HttpRequest,
    dev::{ResponseHead, ServiceResponse},
};

use super::{
    phase::Phase, state::RequestState, straight_request::StraightRequest, unmatched::may_be_unmatched,
};
use crate::decision::{charge::Charges, reservation::end_reservations};

impl StraightRequest {
    /// Ends a request by its response, and adds the headers. Plain limits are charged whatever the response.
    pub(super) fn settle<B>(&self, response: &mut Result<ServiceResponse<B>, Error>) {
        match response {
            Ok(response) if self.is_simple() && !may_be_unmatched(self.settings(), response.request()) => {
                self.note_end();
                self.report();
                self.show(response.headers_mut());
            }
            response => {
                self.note_end();
                self.continue_in_general().settle(response);
            }
        }
    }
}

impl RequestState {
    /// Settles the charges of a request by its response, and adds the headers.
    pub(super) fn settle<B>(self: &Rc<Self>, response: &mut Result<ServiceResponse<B>, Error>) {
        match response {
            Ok(response) => {
                self.settle_response(response.request(), response.response().head());
                self.show(response.headers_mut());
            }
            Err(error) => self.settle_error(error),
        }
    }

    /// Not generic, so that it is compiled once, and not for each type of body.
    fn settle_response(self: &Rc<Self>, req: &HttpRequest, response: &ResponseHead) {
        let phase = self.phase.replace(Phase::Settled);
        let is_charged = matches!(phase, Phase::Admitted | Phase::TakenOver | Phase::Final);
        if is_charged && self.is_mispredicted(req, response) {
            self.charge_retroactively(req, response);
        }
        self.release_credit();
        self.release_unmatched(req, response);
        if phase != Phase::Refused {
            self.report();
        }
        self.keep_usage_of(req);
        self.deduct(response);
    }

    fn settle_error(self: &Rc<Self>, error: &mut Error) {
        let phase = self.phase.replace(Phase::Settled);
        self.release_credit();
        let response = error.error_response();
        if phase != Phase::Refused {
            self.report();
        }
        self.deduct(response.head());
        // An error may have one response only (`InternalError::from_response`): the next caller gets this one.
        let (state, own) = (Rc::clone(self), Cell::new(Some(response)));
        error.add_response_mapper(move |another| {
            let mut response = own.take().unwrap_or(another);
            state.show(response.headers_mut());
            response
        });
    }

    /// Ends the credit on which rules were granted.
    fn release_credit(&self) {
        drop(mem::take(&mut self.rules.borrow_mut().credit));
    }

    /// Refunds the charges that `deduct_when` rejects.
    fn deduct(&self, response: &ResponseHead) {
        // Most requests have no such charges, and do not pay for moving theirs.
        if self.charges.borrow().iter().all(|charge| !charge.reserved) {
            return;
        }
        let mut charges = self.charges.take();
        let mut refunded = Charges::new();
        for charge in &mut charges {
            if charge.is_not_due(response) {
                refunded.push(charge.clone());
                charge.show_refunded();
            } else if charge.is_metered() {
                self.track_usage(charge);
                charge.leave_to_usage();
            }
        }
        end_reservations(&mut charges);
        self.charges.replace(charges);
        self.usage.take();
        self.refund(refunded);
    }
}
