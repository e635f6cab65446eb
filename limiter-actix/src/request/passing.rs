use std::{cell::Cell, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;

use super::straight_request::StraightRequest;
use crate::{
    limiter::{shared::Shared, worker::Worker},
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

    /// Returns whether this limiter has let it pass.
    pub(super) fn is_of(&self, limiter: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.worker.shared, limiter)
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
