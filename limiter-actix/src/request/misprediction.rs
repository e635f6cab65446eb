//! What is put right when a grant reached a neighbour.

use std::rc::Rc;

use actix_web::{
    HttpRequest,
    dev::{ServiceRequest, ServiceResponse},
    rt,
};
use limiter_core::storage::{Decision, Verdict};

use super::{correction::Correction, state::RequestState};
use crate::{
    routing::{pattern_text::depth, scope_marker::ScopeMarker},
    settings::backend::Backend,
};

impl RequestState {
    /// Puts right what was granted in advance to a request that did not meet the rules for it: takes what
    /// would have been taken, without a refusal, and grants nothing in advance there from now on.
    pub(super) fn charge_retroactively<B>(self: &Rc<Self>, response: &ServiceResponse<B>) {
        if self.is_final.get() || !self.is_answered_elsewhere(response.request()) {
            return;
        }
        if self.prediction().mark_ambiguous() {
            tracing::warn!(
                code = "L009",
                pattern = self.route.pattern().map(|it| &**it),
                by = response.request().match_pattern(),
                "another handler answers for a limited or exempt route: guards tell them apart that are \
                 known only after routing, so other limits are tried first there"
            );
        }
        let mut correction = Correction::new(self, &ServiceRequest::from_request(response.request().clone()));
        correction.refuse_nothing();
        match &self.worker.config.settings.storage {
            Backend::Memory(memory) => {
                let decision = correction.query(self).run_memory(memory);
                correction.apply(self, &decision);
            }
            Backend::Remote { .. } => {
                // What is right already can be asked about the response at once.
                self.charges.replace(correction.kept.clone());
                let state = Rc::clone(self);
                let req = response.request().clone();
                let head = response.response().head().clone();
                rt::spawn(async move {
                    let req = ServiceRequest::from_request(req);
                    let decision = correction.run(&state, &req).await.unwrap_or_else(|_| {
                        correction.take_nothing();
                        Decision::new(Verdict::Admitted, [], [])
                    });
                    correction.apply_after(&state, &decision, &head);
                });
            }
        }
    }

    /// Whether rules were granted in advance that do not stand on the handler that answered. Where a middleware
    /// answered on the way, or no handler at all, there was nothing to meet.
    fn is_answered_elsewhere(&self, req: &HttpRequest) -> bool {
        if self.has_seen_all() || !is_at_handler(req) {
            return false;
        }
        let Some(ScopeMarker(scope)) = req.app_data() else { return true };
        let table = self.worker.try_table();
        !table.is_some_and(|table| self.unseen_rules().iter().any(|rule| table.is_on(*rule, *scope)))
    }
}

/// Whether a request was routed to a handler: then its whole path is taken, or, for services such as static
/// files, as much of it as their pattern has.
pub(super) fn is_at_handler(req: &HttpRequest) -> bool {
    let (path, rest) = (req.match_info().as_str(), req.match_info().unprocessed());
    let taken = path.strip_suffix(rest).unwrap_or_default();
    rest.is_empty()
        || (!taken.is_empty() && req.match_pattern().is_some_and(|pattern| depth(&pattern) == depth(taken)))
}
