use std::{cell::Cell, rc::Rc};

use actix_web::{
    Error,
    dev::{ServiceRequest, ServiceResponse},
};

use super::{stack::LimiterStack, straight_request::StraightRequest};
use crate::{
    limiter::worker::Worker,
    plan::{
        Plan,
        key::{RuleId, RuleIds},
    },
    routing::{certain::CertainPlace, registered::Position},
};

/// A request without limits, of which nothing is kept but this, while it is being called.
pub(crate) struct PassingRequest {
    worker: Rc<Worker>,
    place: CertainPlace,
    plan: Rc<Plan>,
    /// The position of the last rule that the request has met.
    last: Cell<Position>,
}

impl PassingRequest {
    pub(super) fn new(worker: Rc<Worker>, place: CertainPlace, plan: Rc<Plan>) -> Self {
        Self { worker, place, plan, last: Cell::new(Position::Scope) }
    }

    /// Ends the request with its response. It may have met its rules only after other requests could come: then the next
    /// ones are kept. If it has not, its charges are those of where it has arrived.
    pub(super) fn settle<B>(self, response: &mut Result<ServiceResponse<B>, Error>) {
        let Ok(ok) = response else { return };
        let req = ServiceRequest::from_request(ok.request().clone());
        let Some(kept) = LimiterStack::state_of(&req, &self.worker.shared) else {
            return self.keep(&req).settle(response);
        };
        // The state was made late, and ends itself.
        for rule in kept.met_rules() {
            self.place.meet(rule, true);
        }
        self.doubt();
    }

    /// Grants the rules to no request any more that this one has not met.
    pub(super) fn doubt(&self) {
        let met = self.place.met();
        let unmet: RuleIds = self.place.rules().into_iter().filter(|rule| !met.contains(rule)).collect();
        if let Some(table) = self.worker.try_table()
            && !self.place.is_sure()
        {
            table.doubt(&unmet);
        }
    }

    /// Notes that the request has met a rule. Returns whether the rule was predicted.
    #[inline]
    pub(super) fn meet(&self, rule: RuleId, position: Position) -> bool {
        self.last.set(position);
        self.place.meet(rule, false)
    }

    /// Returns whether the request has met all rules that were granted to it.
    #[inline]
    pub(super) fn is_confirmed(&self) -> bool {
        self.place.is_confirmed()
    }

    /// Returns the state of the request, for what follows.
    pub(super) fn keep(self, req: &ServiceRequest) -> Rc<StraightRequest> {
        let Self { worker, place, plan, last } = self;
        let client = worker.config.settings.client(req);
        Rc::new(StraightRequest::without_limits(worker, place, plan, client, last.get()))
    }
}
