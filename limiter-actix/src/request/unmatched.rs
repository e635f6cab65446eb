//! The refund of default limits to requests that came to no route, if those do not apply there.

use actix_web::{HttpRequest, dev::ResponseHead};

use super::state::RequestState;
use crate::{
    decision::charge::partition, plan::bound_limit::Tier, routing::arrival::is_at_handler, settings::Settings,
};

/// Returns whether a request may have come to no route, where the default limits do not apply.
#[inline]
pub(super) fn may_be_unmatched(settings: &Settings, req: &HttpRequest) -> bool {
    !settings.defaults.on_unmatched && !is_at_handler(req)
}

impl RequestState {
    /// Refunds the default limits of a request that came to no route, if they do not apply there.
    pub(super) fn release_unmatched(&self, req: &HttpRequest, response: &ResponseHead) {
        if !may_be_unmatched(self.predicted.settings(), req) || !self.is_passed_by(req, response) {
            return;
        }
        let (released, kept) = partition(self.charges.take(), &|charge| charge.limit.tier == Tier::Default);
        self.charges.replace(kept);
        self.refund(released);
    }

    /// Returns whether the request has passed by all routes, and not merely been answered before it came to one: such
    /// answers count for the route. Guards lead requests past a route that was predicted.
    fn is_passed_by(&self, req: &HttpRequest, response: &ResponseHead) -> bool {
        let prediction = &self.predicted.prediction;
        let is_unrouted = req.match_info().unprocessed().len() == req.match_info().as_str().len();
        let is_at_default_of_app =
            is_unrouted && self.predicted.worker.is_next_to_router && prediction.route.takes_text();
        prediction.pattern().is_none()
            || is_at_default_of_app
            || [404, 405].contains(&response.status.as_u16())
    }
}
