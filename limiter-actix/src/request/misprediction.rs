//! Charges for requests whose prediction was wrong, found out after the response.

use std::rc::Rc;

use actix_web::{
    HttpRequest,
    dev::{ResponseHead, ServiceRequest},
    http::{Method, header::ORIGIN},
};
use limiter_core::{
    log::event,
    storage::{Decision, Verdict},
};

use super::{
    correction::Correction,
    pending::{PendingDecision, answered, query_storage},
    state::RequestState,
};
use crate::{
    linked::Linked,
    plan::key::RuleId,
    routing::{arrival::is_at_handler, registered::Position, scope_marker::ScopeMarker, table::ArrivalCheck},
    settings::backend::Backend,
    tasks::spawn,
};

/// Charges a request where that is awaited.
static CHARGE: Linked<fn(Correction, HttpRequest, ResponseHead)> = Linked::new();

pub(super) fn link_waits() {
    CHARGE.link(|correction, req, head| spawn(Box::pin(charge_later(correction, req, head))));
}

impl RequestState {
    /// Charges a request for the limits of the place that responded, if another one was predicted. It refuses nothing.
    pub(super) fn charge_retroactively(self: &Rc<Self>, request: &HttpRequest, response: &ResponseHead) {
        let req = ServiceRequest::from_request(request.clone());
        let correction = Correction::new(Rc::clone(self), Position::Resource, &req);
        if correction.awaited_plan().is_some() {
            CHARGE.get()(correction, request.clone(), response.clone());
            return;
        }
        let correction = correction.after_response(request);
        match &self.predicted.settings().storage {
            Backend::Memory(memory) => {
                let decision = correction.query(&req).run_memory(memory);
                correction.apply(&decision);
            }
            Backend::Remote { .. } => {
                // `deduct_when` of these is called with the response at once.
                self.charges.replace(correction.kept.clone());
                CHARGE.get()(correction, request.clone(), response.clone());
            }
        }
    }

    /// Returns whether the request arrived where other rules apply, and learns from it.
    pub(super) fn is_mispredicted(&self, req: &HttpRequest, response: &ResponseHead) -> bool {
        let prediction = &self.predicted.prediction;
        let (unmet, has_met_more) = {
            let rules = self.rules.borrow();
            (rules.unseen(), rules.has_more_further_in())
        };
        let table = self.predicted.worker.try_table();
        let arrival =
            table.map_or(ArrivalCheck::Expected, |table| table.check_rules_of_route(prediction, req));
        let is_elsewhere = arrival == ArrivalCheck::Elsewhere;
        let has_gone_astray =
            (is_elsewhere || !unmet.is_empty()) && self.has_gone_astray(&unmet, req, response);
        let path = self.compare_paths(req);
        if path == PathChange::None && !has_gone_astray {
            self.prove_place(req, response);
        }
        if path == PathChange::Unexpected || !has_gone_astray {
            return prediction.lifts_nothing
                || path != PathChange::None
                || arrival == ArrivalCheck::InDoubt
                || has_met_more;
        }
        let is_news = table.is_some_and(|table| {
            // One of them was not in doubt yet.
            if is_elsewhere {
                table.doubt_rules_of_route(prediction, req);
            }
            table.doubt(&unmet) || is_elsewhere
        });
        if is_news {
            event!(
                self.predicted.permit(|lines| &lines.other_handler),
                WARN,
                pattern = self.predicted.pattern(),
                by = req.match_pattern().as_deref(),
                "another handler served the path of a limited or exempt route; from now on its limits apply only \
                 after routing"
            );
        }
        true
    }

    /// Notes where a request has arrived that has met no rule elsewhere. If a middleware responded on the way, it shows
    /// nothing.
    fn prove_place(&self, req: &HttpRequest, response: &ResponseHead) {
        let prediction = &self.predicted.prediction;
        let is_there = is_at_handler(req);
        if prediction.is_under_rules_by_pattern() && (is_there || !may_be_of_middleware(req, response)) {
            prediction.prove(req.match_pattern().filter(|_| is_there).as_deref());
        }
    }

    /// Compares the path that the request came by with the one it was routed by, and learns from it.
    fn compare_paths(&self, req: &HttpRequest) -> PathChange {
        let Some(came_by) = self.predicted.came_by.as_deref() else { return PathChange::None };
        let req = ServiceRequest::from_request(req.clone());
        let table = self.predicted.worker.table(&req);
        let is_refuted = table.check_rewriting(came_by, &req);
        let is_routed = req.match_info().unprocessed().len() < req.match_info().as_str().len();
        let is_changed = is_routed && came_by != req.match_info().as_str();
        if !(is_refuted || is_changed) || !self.leads_elsewhere(req.request()) {
            return PathChange::None;
        }
        let is_new = is_refuted || table.learn_rewriting(came_by, &req);
        if is_new { PathChange::Unexpected } else { PathChange::Known }
    }

    /// Returns whether the path, as it is now, leads to other places than were predicted.
    fn leads_elsewhere(&self, req: &HttpRequest) -> bool {
        let req = ServiceRequest::from_request(req.clone());
        !self.predicted.worker.table(&req).route_as_is(&req).is_same(&self.predicted.prediction.route)
    }

    /// Returns whether the request passed by the rules that were granted to it. If a middleware responded on the way,
    /// the request had no chance to meet them.
    fn has_gone_astray(&self, unmet: &[RuleId], req: &HttpRequest, response: &ResponseHead) -> bool {
        let worker = &self.predicted.worker;
        if let Some(ScopeMarker(scope)) = req.app_data()
            && worker.try_table().is_some_and(|table| unmet.iter().any(|rule| table.is_on(*rule, *scope)))
        {
            return false;
        }
        let is_unrouted = req.match_info().unprocessed().len() == req.match_info().as_str().len();
        self.is_at_another_handler(unmet, req)
            || self.leads_elsewhere(req)
            || (is_unrouted && worker.is_next_to_router)
            || !may_be_of_middleware(req, response)
    }

    /// Returns whether a handler has responded that is not the predicted one. If that is the only one of its pattern and
    /// has a rule, whoever has not met the rule was answered before: by middleware of a scope that takes the whole path.
    fn is_at_another_handler(&self, unmet: &[RuleId], req: &HttpRequest) -> bool {
        let prediction = &self.predicted.prediction;
        let is_at_pattern = || req.match_pattern().as_deref() == self.predicted.pattern();
        is_at_handler(req) && !(prediction.is_before_route(unmet) && is_at_pattern())
    }

    /// Grants rules to no request any more that this one was granted and has not met, since it was dropped. They may not
    /// be where it went.
    pub(super) fn doubt_on_drop(&self) {
        let Ok(rules) = self.rules.try_borrow() else { return };
        // A request that has returned its credit awaits an answer, and goes nowhere meanwhile.
        if rules.credit.is_suspended() {
            return;
        }
        let unmet = rules.unseen();
        if let Some(table) = self.predicted.worker.try_table()
            && !unmet.is_empty()
            && !self.predicted.prediction.is_sure()
        {
            table.doubt(&unmet);
        }
    }
}

/// A change of the path of a request on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PathChange {
    /// It leads where it was expected to lead.
    None,
    /// It leads elsewhere, since a middleware has changed it as it did before.
    Known,
    /// It leads elsewhere, and not as middleware had changed paths so far: no rule is to blame.
    Unexpected,
}

/// Returns whether a response may come from a middleware that responds before routing: it redirects, requires
/// credentials, refuses, fails, or answers a CORS preflight. Default services respond otherwise.
fn may_be_of_middleware(req: &HttpRequest, response: &ResponseHead) -> bool {
    let status = response.status;
    let is_preflight = *req.method() == Method::OPTIONS && req.headers().contains_key(ORIGIN);
    let refuses = [401, 403, 407, 408, 429, 451].contains(&status.as_u16());
    is_preflight || refuses || status.is_redirection() || status.is_server_error()
}

impl Correction {
    /// Returns the correction of a request that has a response already.
    fn after_response(mut self, request: &HttpRequest) -> Self {
        self.never_refuse();
        if self.has_pass(&ServiceRequest::from_request(request.clone())) {
            self.charge_nothing();
        }
        if !self.config().settings.defaults.on_unmatched && !is_at_handler(request) {
            self.leave_out_defaults();
        }
        self
    }
}

async fn charge_later(mut correction: Correction, req: HttpRequest, head: ResponseHead) {
    let req = ServiceRequest::from_request(req);
    if correction.awaited_plan().is_some() {
        correction = answered(correction, &req).await.after_response(req.request());
    }
    let Ok((decision, _)) = query_storage(&mut correction, &req, false).await else {
        correction.charge_nothing();
        return correction.apply_after(&Decision::new(Verdict::Admitted, [], []), req.request(), &head);
    };
    correction.apply_after(&decision, req.request(), &head);
}
