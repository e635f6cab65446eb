//! Charges for requests whose prediction was wrong, found out after the response.

use std::rc::Rc;

use actix_web::{
    HttpRequest,
    dev::{ResponseHead, ServiceRequest, ServiceResponse},
    rt,
};
use limiter_core::storage::{Decision, Verdict};

use super::{
    correction::Correction,
    pending::{PendingDecision, query_storage},
    state::RequestState,
};
use crate::{
    routing::{pattern_text::depth, registered::Position, scope_marker::ScopeMarker},
    settings::backend::Backend,
};

impl RequestState {
    /// Charges a request for the limits of the handler that responded, if another one was predicted. It refuses
    /// nothing. From now on the limits of the predicted handler apply only after routing.
    pub(super) fn charge_retroactively<B>(self: &Rc<Self>, response: &ServiceResponse<B>) {
        if !self.is_mispredicted(response.request()) {
            return;
        }
        self.mark_ambiguous(response.request());
        let req = ServiceRequest::from_request(response.request().clone());
        let mut correction = Correction::new(Rc::clone(self), Position::Resource, &req);
        correction.never_refuse();
        match &self.predicted.settings().storage {
            Backend::Memory(memory) => {
                let decision = correction.query(&req).run_memory(memory);
                correction.apply(&decision);
            }
            Backend::Remote { .. } => {
                // `deduct_when` of these is called with the response at once.
                self.charges.replace(correction.kept.clone());
                rt::spawn(charge_later(
                    correction,
                    response.request().clone(),
                    response.response().head().clone(),
                ));
            }
        }
    }

    fn mark_ambiguous(&self, req: &HttpRequest) {
        if self.predicted.prediction().mark_ambiguous() {
            tracing::warn!(
                code = "L009",
                pattern = self.predicted.pattern(),
                by = req.match_pattern(),
                "another handler served the path of a limited or exempt route; from now on its limits apply only \
                 after routing"
            );
        }
    }

    /// Returns whether a handler responded on which the predicted rules do not stand. If a middleware responded on
    /// the way, or no handler at all, the request had no chance to meet them.
    fn is_mispredicted(&self, req: &HttpRequest) -> bool {
        let rules = self.rules.borrow();
        if rules.has_seen_all() || !is_at_handler(req) {
            return false;
        }
        let Some(ScopeMarker(scope)) = req.app_data() else { return true };
        let table = self.predicted.worker.try_table();
        !table.is_some_and(|table| rules.unseen().iter().any(|rule| table.is_on(*rule, *scope)))
    }
}

async fn charge_later(mut correction: Correction, req: HttpRequest, head: ResponseHead) {
    let req = ServiceRequest::from_request(req);
    let decision = query_storage(&mut correction, &req).await.unwrap_or_else(|_| {
        correction.charge_nothing();
        Decision::new(Verdict::Admitted, [], [])
    });
    correction.apply_after(&decision, &head);
}

/// Returns whether a request was routed to a handler. Then its whole path is consumed, or as much of it as the
/// pattern of a service has, such as that of static files.
pub(super) fn is_at_handler(req: &HttpRequest) -> bool {
    let (path, rest) = (req.match_info().as_str(), req.match_info().unprocessed());
    let consumed = path.strip_suffix(rest).unwrap_or_default();
    rest.is_empty()
        || (!consumed.is_empty()
            && req.match_pattern().is_some_and(|pattern| depth(&pattern) == depth(consumed)))
}
