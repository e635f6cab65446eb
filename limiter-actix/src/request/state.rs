//! What a limiter knows of a request that is on its way.

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
};

use actix_web::{HttpMessage, dev::ServiceRequest};
use limiter_core::{Key, Timestamp};
use smallvec::SmallVec;

use crate::{
    Breach,
    decision::{callback_cache::CallbackCache, charge::Charges, query::QueryOutcome, refund::RefundChannel},
    limiter::worker::Worker,
    plan::key::{RuleId, RuleIds},
    report::{
        current::{Current, LimitOutcome},
        decided_by::{DecidedBy, Undecided},
    },
    routing::prediction::{Prediction, Route},
};

/// What a limiter knows of a request that is on its way: what it has taken for it, and which rules it has met.
///
/// It lies in the extensions of the request, where the witnesses find it.
pub(crate) struct RequestState {
    pub(crate) worker: Rc<Worker>,
    pub(crate) route: Rc<Route>,
    /// Which of the route's candidates was predicted.
    pub(crate) candidate: Option<usize>,
    /// Of the client, by the limiter's own key.
    pub(crate) client: Key,
    pub(crate) decided_at: Timestamp,
    /// The rules that `charges` follow from: those granted in advance, or those met where that was wrong.
    pub(crate) charged_rules: RefCell<RuleIds>,
    /// Rules among them that a limiter further in decides, if the request comes to it.
    pub(crate) delegated_rules: RefCell<RuleIds>,
    /// The rules that were met, from the outermost on.
    pub(crate) seen_rules: RefCell<RuleIds>,
    pub(crate) charges: RefCell<Charges>,
    /// What functions told of meta limits.
    pub(crate) callback_cache: CallbackCache,
    /// Whether nothing is left to be put right: a limiter further in has taken over, or the request is refused.
    pub(crate) is_final: Cell<bool>,
    /// Whether the handler still has to ask for the decision.
    pub(crate) awaits_check: Cell<bool>,
    /// Those of limiters further in.
    pub(crate) inner: RefCell<Vec<Rc<Self>>>,
    /// What the request ran into after this limiter had admitted it.
    pub(crate) breach: RefCell<Option<Box<Breach>>>,
    /// Who has decided so far.
    pub(crate) decided_by: Cell<DecidedBy>,
    /// Whether the log and the metrics have been told how it came out.
    pub(crate) is_reported: Cell<bool>,
    /// Whether there was an answer, or an error that is one.
    pub(crate) has_response: Cell<bool>,
    /// To a storage on another machine, for limits whose cost comes back when the request is dropped.
    pub(crate) refund_channel: OnceCell<RefundChannel>,
}

impl RequestState {
    /// Notes who has decided.
    pub(crate) fn record_decider(
        &self,
        outcome: Result<QueryOutcome, Undecided>,
    ) -> Result<QueryOutcome, Undecided> {
        let by = outcome.as_ref().map_or(DecidedBy::Skipped, |outcome| outcome.by);
        self.decided_by.set(self.decided_by.get().max(by));
        outcome
    }

    /// How its limits stand.
    pub(crate) fn add_current(&self, current: &mut Current) {
        let settings = &self.worker.config.settings;
        current.extend(self.charges.borrow().iter().filter_map(|charge| {
            Some(charge.report(&self.client, charge.window?, LimitOutcome::Passed, settings))
        }));
    }

    /// Notes that a rule was met; tells whether the charges are right for all that were met so far.
    pub(crate) fn note_rule(&self, rule: RuleId) -> bool {
        let mut seen_rules = self.seen_rules.borrow_mut();
        seen_rules.push(rule);
        let (charged, delegated) = (self.charged_rules.borrow(), self.delegated_rules.borrow());
        seen_rules.iter().all(|rule| charged.contains(rule) && !delegated.contains(rule))
    }

    /// Whether all rules that were granted in advance have been met.
    pub(crate) fn has_seen_all(&self) -> bool {
        let seen_rules = self.seen_rules.borrow();
        self.charged_rules.borrow().iter().all(|rule| seen_rules.contains(rule))
    }

    /// The rules that were granted in advance and have not been met.
    pub(crate) fn unseen_rules(&self) -> RuleIds {
        without(&self.charged_rules.borrow(), &self.seen_rules.borrow())
    }

    /// The rules that a limiter further in may decide: none of them was met before it.
    pub(crate) fn undecided_delegated_rules(&self) -> RuleIds {
        without(&self.delegated_rules.borrow(), &self.seen_rules.borrow())
    }

    pub(crate) fn prediction(&self) -> &Prediction {
        self.route.prediction(self.candidate)
    }
}

/// The rules that are not among the others.
fn without(rules: &[RuleId], others: &[RuleId]) -> RuleIds {
    rules.iter().filter(|rule| !others.contains(rule)).copied().collect()
}

/// What the limiters and witnesses of a request leave for each other in its extensions.
#[derive(Clone, Default)]
pub(crate) struct LimiterStack {
    /// The outermost limiter's first.
    pub(crate) limiters: SmallVec<[Rc<RequestState>; 2]>,
    /// Rules that were met before any limiter.
    pub(crate) unclaimed_rules: RuleIds,
    /// Whether a limiter lets this request pass without a look.
    pub(crate) is_skipped: bool,
}

impl LimiterStack {
    /// Adds the ticket of a limiter inside all that are here.
    fn add(&mut self, state: Rc<RequestState>) {
        self.unclaimed_rules.clear();
        for outer in &self.limiters {
            outer.inner.borrow_mut().push(Rc::clone(&state));
        }
        self.limiters.push(state);
    }

    /// Those that lie in the extensions of a request, if anything was left there: most come without.
    pub(crate) fn of(req: &ServiceRequest) -> Option<Self> {
        req.extensions().get::<Self>().cloned()
    }

    /// Leaves the ticket of a limiter.
    pub(crate) fn leave(req: &ServiceRequest, state: &Rc<RequestState>) {
        Self::change(req, |stack| stack.add(Rc::clone(state)));
    }

    /// Changes what lies in the extensions, and puts it there first if need be.
    pub(crate) fn change(req: &ServiceRequest, change: impl FnOnce(&mut Self)) {
        let mut extensions = req.extensions_mut();
        if let Some(stack) = extensions.get_mut::<Self>() {
            return change(stack);
        }
        let mut stack = Self::default();
        change(&mut stack);
        extensions.insert(stack);
    }
}
