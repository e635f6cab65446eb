//! What is put right while a request is on its way, and after it.

use std::{cell::Cell, rc::Rc, sync::Arc};

use actix_web::{
    Error, HttpRequest,
    dev::{ResponseHead, ServiceRequest, ServiceResponse},
    rt,
};
use limiter_core::storage::{Refund, Storage};
use smallvec::SmallVec;

use super::state::Ticket;
use crate::{decision::charge::Charges, plan::bound_limit::Tier, settings::Backend};

use super::correction::Correction;
use super::misprediction::is_at_handler;
use crate::decision::refund::Owed;

impl Ticket {
    /// Lets a limiter that stands further in decide the rules that have not been met yet.
    pub(crate) fn hand_over(&self, req: &ServiceRequest) {
        if self.is_closed.replace(true) {
            return;
        }
        let theirs = self.not_met();
        if theirs.iter().all(|rule| self.left_to_others.borrow().contains(rule)) {
            return;
        }
        self.prediction().leave_to_others(&theirs);
        let table = self.local.table(req);
        let mut key = table.key(&self.route, &self.settled_for.borrow(), req);
        key.left_to_others = theirs;
        let plan = table.plan(key);
        let applicable = plan.applicable(req);
        let charges = self.charges.take();
        let (kept, dropped): (Charges, Charges) = charges.into_iter().partition(|charge| {
            applicable.limits.iter().any(|placed| placed.shares_count_with(&charge.placed))
        });
        self.charges.replace(kept);
        self.refund(dropped);
    }

    /// Notes it when a middleware further in has changed the path. What stands on handlers says so by itself.
    fn watch_path(&self, req: &HttpRequest) {
        let Some(table) = self.local.table_there_is() else { return };
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
        self.is_answered.set(true);
        match response {
            Ok(mut response) => {
                self.watch_path(response.request());
                self.make_good(&response);
                self.release_unmatched(&response);
                self.tell();
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
        self.tell();
        self.deduct(response.head());
        // An error may have one response only (`InternalError::from_response`), so the next to ask gets this.
        let (ticket, asked) = (Rc::clone(self), Cell::new(Some(response)));
        error.add_response_mapper(move |another| {
            let mut response = asked.take().unwrap_or(another);
            ticket.show(response.headers_mut());
            response
        });
        error
    }

    /// Gives back what a path has taken from the default limits that matched no route, where those do not
    /// hold for such paths.
    fn release_unmatched<B>(&self, response: &ServiceResponse<B>) {
        let may_be_unmatched = self.route.pattern().is_none();
        let hold_there = self.local.config.settings.defaults.on_unmatched;
        if hold_there || !may_be_unmatched || is_at_handler(response.request()) {
            return;
        }
        let (released, kept): (Charges, Charges) =
            self.charges.take().into_iter().partition(|charge| charge.placed.tier == Tier::Default);
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
            charge.show_given_back();
        }
        self.charges.replace(charges);
        self.refund(returned);
    }

    /// Gives back what was taken, without delaying the answer.
    pub(super) fn refund(&self, charges: Charges) {
        self.give_back_by(charges, |owed| drop(rt::spawn(owed.pay())));
    }

    /// Gives back what was taken: at once what is in memory, and by `pay` what a storage elsewhere has.
    pub(super) fn give_back_by(&self, charges: Charges, pay: impl FnOnce(Owed)) {
        if charges.is_empty() {
            return;
        }
        let (client, now) = (self.client.clone(), self.local.now());
        let storage = &self.local.config.settings.storage;
        let (by_fallback, by_storage): (Charges, Charges) = charges
            .into_iter()
            .partition(|charge| !charge.is_kept_by_storage() || matches!(storage, Backend::Memory(_)));
        let taken: SmallVec<[Refund<'_>; 4]> =
            by_fallback.iter().filter_map(|charge| charge.taken(&client)).collect();
        // Done when it returns: the memory storage answers at once.
        drop(storage.memory().refund(&taken, now));
        drop(taken);
        if let Backend::Remote { storage, .. } = storage
            && !by_storage.is_empty()
        {
            let owed =
                Owed::new(by_storage, client, now, Arc::clone(storage), Arc::clone(&self.local.config));
            pay(owed);
        }
    }
}
