use std::rc::Rc;

use limiter_core::{Key, Timestamp};

use crate::{
    decision::{callback_cache::CallbackCache, context::DecisionContext},
    limiter::worker::Worker,
    report::decided_by::DecidedBy,
    routing::prediction::{Prediction, Route},
    settings::Settings,
};

/// The facts of a request that are known before its decision, and never change.
pub(crate) struct PredictedRequest {
    pub(super) worker: Rc<Worker>,
    pub(super) route: Rc<Route>,
    /// The index of the predicted candidate of the route. `None` if a handler without a rule is predicted.
    pub(super) candidate: Option<usize>,
    /// The client, by the limiter's own key.
    pub(super) client: Key,
    pub(super) decided_at: Timestamp,
    pub(super) callback_cache: CallbackCache,
}

impl PredictedRequest {
    pub(super) fn settings(&self) -> &Settings {
        &self.worker.config.settings
    }

    pub(super) fn prediction(&self) -> &Prediction {
        self.route.prediction(self.candidate)
    }

    /// Returns the pattern of the predicted route.
    pub(super) fn pattern(&self) -> Option<&str> {
        self.route.pattern().map(|pattern| &**pattern)
    }

    pub(super) fn context(&self, decided_by: DecidedBy) -> DecisionContext<'_> {
        DecisionContext {
            settings: self.settings(),
            client: &self.client,
            now: self.decided_at,
            route: self.route.pattern(),
            decided_by,
            manual: None,
        }
    }
}
