use std::rc::Rc;

use limiter_core::{
    Key, Timestamp,
    log::{Permit, Throttle},
};

use crate::{
    decision::{callback_cache::CallbackCache, context::DecisionContext},
    limiter::worker::Worker,
    report::decided_by::DecidedBy,
    routing::prediction::Prediction,
    settings::Settings,
    telemetry::Lines,
};

/// The facts of a request that are known before its decision, and never change.
pub(crate) struct PredictedRequest {
    pub(super) worker: Rc<Worker>,
    pub(super) prediction: Prediction,
    /// The path it came by, if a middleware further in may change it where that matters.
    pub(super) came_by: Option<Box<str>>,
    /// The client, by the limiter's own key.
    pub(super) client: Key,
    pub(super) decided_at: Timestamp,
    pub(super) callback_cache: CallbackCache,
}

impl PredictedRequest {
    pub(super) fn settings(&self) -> &Settings {
        &self.worker.config.settings
    }

    /// Permits a log event about the request.
    pub(super) fn permit(&self, line: impl FnOnce(&Lines) -> &Throttle) -> Option<Permit> {
        line(&self.settings().telemetry.lines).permit(self.decided_at)
    }

    /// Returns the pattern of the predicted route.
    pub(super) fn pattern(&self) -> Option<&str> {
        self.prediction.pattern().map(|pattern| &**pattern)
    }

    pub(super) fn context(&self, decided_by: DecidedBy) -> DecisionContext<'_> {
        DecisionContext {
            settings: self.settings(),
            client: &self.client,
            now: self.decided_at,
            route: self.prediction.pattern(),
            decided_by,
            meta_wait: None,
            is_by_reservations: false,
            manual: None,
        }
    }
}
