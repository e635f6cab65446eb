//! Compares where requests have arrived with what was predicted, and learns from it.

use std::time::Duration;

use actix_web::{HttpRequest, dev::ServiceRequest, http::Method};
use tokio::time::timeout;

use super::Table;
use crate::{
    plan::key::RuleId,
    routing::{arrival::is_at_handler, path_rules::Covering, prediction::Prediction, warnings},
};

/// The longest time that a request waits for the arrival of another.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The place where a request has arrived, seen from the rules by pattern that were predicted for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArrivalCheck {
    Expected,
    /// A place that could be expected, although some of them were in doubt.
    InDoubt,
    /// A place where some of them do not hold.
    Elsewhere,
}

impl Table {
    /// Grants these rules to no request any more before it meets them; returns whether that is news.
    pub(crate) fn doubt(&self, rules: &[RuleId]) -> bool {
        rules.iter().filter(|rule| self.app.trust.doubt(**rule)).count() > 0
    }

    /// Compares where a request has arrived with the rules by pattern that were predicted, and learns from it.
    pub(crate) fn check_rules_of_route(&self, prediction: &Prediction, req: &HttpRequest) -> ArrivalCheck {
        if prediction.is_under_attributes_only() {
            return ArrivalCheck::Expected;
        }
        let expected = self.rules_of_route(prediction, &self.counted_as(req.method()));
        let is_in_doubt = !self.in_doubt(prediction).is_empty();
        let pattern = Some(req).filter(|req| is_at_handler(req)).and_then(HttpRequest::match_pattern);
        if pattern.as_deref() == prediction.pattern().map(|pattern| &**pattern) {
            return if is_in_doubt { ArrivalCheck::InDoubt } else { ArrivalCheck::Expected };
        }
        let mut there = self.rules.patterns.of_route(pattern.as_deref().into_iter());
        there.retain(|rule| self.rules.patterns.is_for(*rule, &self.counted_as(req.method())));
        let by_path = self.rules.patterns.of_path(req.match_info().as_str());
        let holds_there =
            |rule: &usize| there.contains(rule) || (pattern.is_some() && by_path.contains(rule));
        let has_missed = |rule: &usize| !holds_there(rule) && !self.rules.patterns.trust(*rule).is_doubted();
        if let Some(pattern) = &pattern {
            prediction.route.note_arrival(pattern);
        }
        if expected.iter().any(has_missed) {
            ArrivalCheck::Elsewhere
        } else if prediction.of_rivals.is_empty() && there.is_empty() {
            ArrivalCheck::Expected
        } else {
            ArrivalCheck::InDoubt
        }
    }

    /// Returns whether another request is on its way whose arrival shows if rules by pattern hold where this one goes.
    pub(crate) fn awaits_proof(&self, req: &ServiceRequest) -> bool {
        if !self.may_be_rewritten || !self.has_rules_by_pattern() {
            return false;
        }
        let route = self.route(req);
        let is_on_credit = |rule| self.rules.patterns.trust(rule).is_on_credit();
        route.lifting.awaits_proof(true) && route.lifting.rules().any(is_on_credit)
    }

    /// Waits for that, but not for ever: then rules by pattern lift nothing for this request.
    pub(crate) async fn await_proof(&self, req: &ServiceRequest) {
        let proof = async {
            while self.awaits_proof(req) {
                self.rules.patterns.credit_ended().await;
            }
        };
        // The caller checks again whether it came.
        let _ = timeout(MAX_WAIT, proof).await;
    }

    /// From now on the rules by pattern that are predicted here limit, but lift nothing, before such a request arrives.
    pub(crate) fn doubt_rules_of_route(&self, prediction: &Prediction, req: &HttpRequest) {
        for rule in self.rules_of_route(prediction, &self.counted_as(req.method())) {
            self.rules.patterns.trust(rule).doubt();
        }
    }

    /// Returns the rules by pattern that cover the route and nothing else, as far as they are for this method.
    fn rules_of_route(&self, prediction: &Prediction, method: &Method) -> Covering {
        let of_route = prediction.place().of_route.iter();
        of_route.filter(|rule| self.rules.patterns.is_for(**rule, method)).copied().collect()
    }

    /// Compares the path that a request came by with the one it has now. Returns whether the limiter was wrong about what
    /// becomes of it.
    pub(crate) fn check_rewriting(&self, came_by: &str, req: &ServiceRequest) -> bool {
        let is_wrong = self.app.rewriting.borrow_mut().refute(came_by, req.match_info().as_str());
        if is_wrong {
            self.recent.take();
        }
        is_wrong
    }

    /// Learns that a request which came by one path was routed by another. Returns whether that is new.
    pub(crate) fn learn_rewriting(&self, came_by: &str, req: &ServiceRequest) -> bool {
        let mut rewriting = self.app.rewriting.borrow_mut();
        let is_first = rewriting.is_empty();
        if !rewriting.learn(came_by, req.match_info().as_str()) {
            return false;
        }
        self.recent.take();
        if is_first {
            warnings::rewritten(came_by, &self.config.settings);
        }
        true
    }
}
