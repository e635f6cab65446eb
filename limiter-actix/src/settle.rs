//! What is put right while a request is on its way, and after it.

use std::{cell::Cell, rc::Rc, sync::Arc};

use actix_web::{
    Error, HttpResponse,
    dev::{ResponseHead, ServiceRequest, ServiceResponse},
    rt,
};
use limiter_core::storage::{Decision, GiveBack, Storage};
use smallvec::SmallVec;

use crate::{
    charge::{Charge, Charges},
    config::Backend,
    plan::Tier,
    question::{Question, note},
    refusal::{self, Decided},
    rule::RuleId,
    ticket::Ticket,
};

/// How the charges of a request must change, now that it is known which rules it meets.
pub(crate) struct Correction {
    standing: SmallVec<[RuleId; 4]>,
    /// Taken in advance, and rightly so.
    kept: Charges,
    /// Taken in advance, and to be given back.
    dropped: Charges,
    /// To be asked for.
    added: Charges,
    meta: Charges,
    /// Whether nothing has been decided before.
    is_first: bool,
}

impl Correction {
    /// For the rules that have been met so far.
    pub(crate) fn new(ticket: &Ticket, req: &ServiceRequest) -> Self {
        let standing = ticket.met_ids();
        let applicable = ticket.local.applicable_where_met(ticket, &standing, req);
        let (kept, dropped): (Charges, Charges) = ticket.charges.take().into_iter().partition(|charge| {
            applicable.limits.iter().any(|placed| placed.shares_count_with(&charge.placed))
        });
        let is_new = |placed: &&Rc<_>| !kept.iter().any(|charge| charge.placed.shares_count_with(placed));
        let added = Charge::of(applicable.limits.iter().filter(is_new), &ticket.client, req);
        let mut meta = Charge::of(&applicable.meta, &ticket.client, req);
        meta.extend(Charge::of_breaches(&added, &ticket.client, req));
        let is_first = ticket.is_unchecked.replace(false);
        Self { standing, kept, dropped, added, meta, is_first }
    }

    pub(crate) fn question<'a>(&'a self, ticket: &'a Ticket) -> Question<'a> {
        Question {
            // Where the middleware has decided before, it has tested them.
            guards: if self.is_first { &self.meta } else { &[] },
            limits: &self.added,
            on_refusal: &self.meta,
            client: &ticket.client,
            now: ticket.decided_at,
        }
    }

    /// Lets the request go on with the right charges, or refuses it and gives back all it had taken.
    pub(crate) fn conclude(
        self,
        ticket: &Ticket,
        req: &ServiceRequest,
        decision: &Decision,
    ) -> Option<HttpResponse> {
        let decided = Decided { decision, guards: &self.meta, limits: &self.added, given_back: &self.kept };
        if let Some(response) = refusal::of(ticket, &decided, req) {
            ticket.is_closed.set(true);
            let taken = self.kept.into_iter().chain(self.dropped).collect();
            ticket.give_back(taken);
            return Some(response);
        }
        self.apply(ticket, decision);
        None
    }

    /// Makes the charges those that are right.
    fn apply(mut self, ticket: &Ticket, decision: &Decision) {
        note(decision, &mut self.added);
        ticket.settled_for.replace(self.standing);
        ticket.charges.replace(self.kept.into_iter().chain(self.added).collect());
        ticket.give_back(self.dropped);
    }
}

impl Ticket {
    /// Lets a limiter that stands further in decide the rules that have not been met yet.
    pub(crate) fn hand_over(&self, req: &ServiceRequest) {
        if self.is_closed.replace(true) {
            return;
        }
        let theirs = self.not_met();
        if theirs.is_empty() {
            return;
        }
        self.prediction().leave_to_others(&theirs);
        let plan = self.prediction().plan(&self.route, self.local.table(req), req);
        let applicable = plan.applicable(req);
        let charges = self.charges.take();
        let (kept, dropped): (Charges, Charges) = charges.into_iter().partition(|charge| {
            applicable.limits.iter().any(|placed| placed.shares_count_with(&charge.placed))
        });
        self.charges.replace(kept);
        self.give_back(dropped);
    }

    /// Finishes a request that was admitted.
    pub(crate) fn settle<B>(
        self: &Rc<Self>,
        response: Result<ServiceResponse<B>, Error>,
    ) -> Result<ServiceResponse<B>, Error> {
        match response {
            Ok(mut response) => {
                self.make_good(&response);
                self.release_unmatched(&response);
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

    /// Puts right what was granted in advance to a request that did not meet the rules for it: takes what
    /// would have been taken, without a refusal, and grants nothing in advance there from now on.
    fn make_good<B>(self: &Rc<Self>, response: &ServiceResponse<B>) {
        let req = response.request();
        // Where a middleware answered, or a default service, there was nothing to meet.
        let is_routed = req.match_info().unprocessed().is_empty();
        let is_right = self.met_ids() == *self.settled_for.borrow();
        if self.is_closed.get() || !is_routed || is_right {
            return;
        }
        if !self.not_met().is_empty() && self.prediction().doubt() {
            tracing::warn!(
                code = "L009",
                pattern = self.route.pattern().map(|it| &**it),
                "another handler answers for a limited or exempt route: guards tell them apart that are \
                 known only after routing, so other limits are tried first there"
            );
        }
        let mut correction = Correction::new(self, &ServiceRequest::from_request(req.clone()));
        for charge in &mut correction.added {
            charge.take_without_refusal();
        }
        match &self.local.config.settings.storage {
            Backend::Memory(memory) => {
                let decision = correction.question(self).ask_memory(memory);
                correction.apply(self, &decision);
            }
            Backend::Remote { storage, .. } => {
                let (ticket, storage) = (Rc::clone(self), Arc::clone(storage));
                rt::spawn(async move {
                    match correction.question(&ticket).ask(&*storage).await {
                        Ok(decision) => correction.apply(&ticket, &decision),
                        Err(error) => {
                            tracing::warn!(code = "L006", %error, "what was due could not be taken");
                        }
                    }
                });
            }
        }
    }

    /// Gives back what a path has taken from the default limits that matched no route, where those do not
    /// hold for such paths.
    fn release_unmatched<B>(&self, response: &ServiceResponse<B>) {
        let is_unmatched =
            self.route.pattern().is_none() && !response.request().match_info().unprocessed().is_empty();
        if self.local.config.settings.defaults.on_unmatched || !is_unmatched {
            return;
        }
        let (released, kept): (Charges, Charges) =
            self.charges.take().into_iter().partition(|charge| charge.placed.tier == Tier::Default);
        self.charges.replace(kept);
        self.give_back(released);
    }

    /// Gives back what the functions of the response say was not due.
    fn deduct(&self, response: &ResponseHead) {
        let mut charges = self.charges.borrow_mut();
        let not_due = |charge: &Charge| {
            let deduct = charge.placed.limit.deduct_when.as_ref();
            deduct.is_some_and(|deduct| !deduct(response))
        };
        let returned: Charges = charges.iter().filter(|charge| not_due(charge)).cloned().collect();
        for charge in charges.iter_mut().filter(|charge| not_due(charge)) {
            charge.show_given_back();
        }
        drop(charges);
        self.give_back(returned);
    }

    /// Gives back what was taken, without delaying the answer.
    fn give_back(&self, charges: Charges) {
        if charges.is_empty() {
            return;
        }
        let (client, now) = (self.client.clone(), self.local.now());
        match &self.local.config.settings.storage {
            Backend::Memory(memory) => {
                let taken: SmallVec<[GiveBack<'_>; 4]> =
                    charges.iter().filter_map(|charge| charge.taken(&client)).collect();
                // Done when it returns: the memory storage answers at once.
                drop(memory.give_back(&taken, now));
            }
            Backend::Remote { storage, .. } => {
                let storage = Arc::clone(storage);
                rt::spawn(async move {
                    let taken: Vec<GiveBack<'_>> =
                        charges.iter().filter_map(|charge| charge.taken(&client)).collect();
                    if let Err(error) = storage.give_back(&taken, now).await {
                        tracing::warn!(code = "L006", %error, "what was taken could not be given back");
                    }
                });
            }
        }
    }
}
