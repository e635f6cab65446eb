//! The arrival of a request at a limiter: predicts its route, and calls the async functions that decide about it.

use std::{mem, rc::Rc};

use actix_web::dev::ServiceRequest;
use futures_util::future::LocalBoxFuture;
use limiter_core::log::{Throttle, event};

use super::{
    admission::Admission, phase::Phase, predicted::PredictedRequest, refuse::Refusal,
    rule_ledger::RuleLedger, stack::LimiterStack, state::RequestState,
};
use crate::{
    decision::callback_cache::CallbackCache,
    limiter::worker::Worker,
    linked::Linked,
    plan::{Plan, key::RuleIds},
    routing::{prediction::Prediction, table::Table},
    settings::Config,
};

/// A request that a limiter handles, and whose charges are not known yet.
pub(crate) struct Arrival {
    worker: Rc<Worker>,
    forecast: Forecast,
    /// `true` if the request has met limiters or rules before.
    is_within: bool,
}

/// The route of a request as predicted, the rules that it is charged for and those it has met, and the plan.
struct Forecast {
    prediction: Prediction,
    charged: RuleIds,
    seen: RuleIds,
    /// Rules that the request has met and that limiters further out decide.
    of_others: RuleIds,
    plan: Rc<Plan>,
}

/// Calls the async functions.
static ANSWER: Linked<for<'r> fn(Arrival, &'r ServiceRequest) -> LocalBoxFuture<'r, Arrival>> = Linked::new();

impl Arrival {
    /// Predicts a request. Returns `None` if this limiter skips it.
    pub(crate) fn predict(worker: &Rc<Worker>, req: &ServiceRequest) -> Option<Self> {
        let stack = LimiterStack::of(req);
        if !is_handled(worker, req, stack.as_ref()) {
            LimiterStack::skip(req, &worker.shared);
            return None;
        }
        let table = worker.table(req);
        let forecast = match &stack {
            None => Forecast::of(table, req),
            Some(stack) => {
                // Also if it refuses the request, and adds no state.
                LimiterStack::claim(req);
                Forecast::within(stack, table, req)
            }
        };
        Some(Self { worker: Rc::clone(worker), forecast, is_within: stack.is_some() })
    }

    /// Returns whether async functions must be called first.
    #[inline]
    pub(crate) fn awaits_functions(&self, req: &ServiceRequest) -> bool {
        self.awaits_plan(req) || self.awaits_key(req)
    }

    /// Returns the credit on which rules are granted, before a wait after which the request is predicted anew.
    pub(crate) fn return_credit(&mut self) {
        drop(mem::take(&mut self.forecast.prediction.credit));
    }

    /// Calls the async functions of the plan.
    pub(crate) fn with_answers(self, req: &ServiceRequest) -> LocalBoxFuture<'_, Self> {
        ANSWER.get()(self, req)
    }

    pub(super) fn link_waits() {
        ANSWER.link(|arrival, req| Box::pin(arrival.with_answers_now(req)));
    }

    async fn with_answers_now(mut self, req: &ServiceRequest) -> Self {
        /// By then, the prediction hardly changes any more. If it does, an admission calls the functions.
        const MAX_PREDICTIONS: usize = 4;
        for _ in 0..MAX_PREDICTIONS {
            if !self.awaits_functions(req) {
                break;
            }
            self = self.predicted_anew(req).await;
        }
        self
    }

    /// Calls the async functions, and predicts the request anew. Meanwhile it holds no credit, which others need.
    async fn predicted_anew(mut self, req: &ServiceRequest) -> Self {
        self.return_credit();
        let awaits_key = self.awaits_key(req);
        let Self { worker, forecast: Forecast { seen, of_others, plan, .. }, is_within } = self;
        let settings = &worker.config.settings;
        if awaits_key {
            settings.call_async_key(req).await;
        }
        if settings.auto_check {
            plan.call_async(req, settings).await;
        }
        let table = worker.table(req);
        if table.awaits_proof(req) {
            table.await_proof(req).await;
        }
        let forecast = if is_within {
            Forecast::having_met(seen, of_others, table, req)
        } else {
            Forecast::of(table, req)
        };
        Self { worker, forecast, is_within }
    }

    #[inline]
    fn awaits_plan(&self, req: &ServiceRequest) -> bool {
        let settings = &self.worker.config.settings;
        settings.auto_check && self.forecast.plan.awaits(req, settings)
    }

    /// Returns whether the client must be known, since it may be banned where no limit counts it.
    #[inline]
    fn awaits_key(&self, req: &ServiceRequest) -> bool {
        let Config { settings, bans, .. } = &*self.worker.config;
        settings.async_key.as_ref().is_some_and(|key| !key.is_called(req))
            && bans.is_in_use()
            && !self.forecast.plan.is_exempt()
    }

    /// Prepares the charges. Returns `None` if the client has a pass, and a refusal if it is banned.
    pub(crate) fn admission(self, req: &ServiceRequest) -> Result<Option<Admission>, Box<Refusal>> {
        let Self { worker, forecast, .. } = self;
        let table = worker.table(req);
        let settings = &worker.config.settings;
        let may_be_rewritten = table.may_be_rewritten()
            && (table.has_rules_by_pattern()
                || table.is_rewritten()
                || forecast.prediction.pattern().is_none());
        let Forecast { mut prediction, charged, seen, of_others, plan } = forecast;
        let rules = RuleLedger::new(&mut prediction, charged, seen, of_others);
        let phase = if settings.auto_check { Phase::Admitted } else { Phase::AwaitsCheck };
        let predicted = PredictedRequest {
            // First, since the callbacks of limits may read the client's address.
            client: settings.client(req),
            prediction,
            came_by: may_be_rewritten.then(|| req.match_info().as_str().into()),
            decided_at: worker.now(),
            callback_cache: CallbackCache::default(),
            worker: Rc::clone(&worker),
        };
        let state = Rc::new(RequestState::new(predicted, phase, rules));
        if let Some(top) = &settings.top {
            top.count_request(&state.predicted.client, state.predicted.decided_at);
        }
        let admission = Admission::new(state, plan, req);
        if worker.config.bans.is_in_use() { admission.unless_banned(req) } else { Ok(Some(admission)) }
    }
}

impl Forecast {
    fn of(table: &Table, req: &ServiceRequest) -> Self {
        let mut prediction = table.predict(req, &[]);
        let plan = table.predicted_plan(&prediction, req);
        let (seen, of_others) = (RuleIds::new(), RuleIds::new());
        Self { charged: mem::take(&mut prediction.rules), seen, of_others, prediction, plan }
    }

    /// The same for a request that has met limiters or rules before. Rules that it met under another limiter are decided
    /// there. Rules that it met before any limiter, or on the very route or resource, are decided here.
    #[cold]
    fn within(stack: &LimiterStack, table: &Table, req: &ServiceRequest) -> Self {
        let mut seen = stack.unclaimed_rules.clone();
        for outer in &stack.limiters {
            if let Some(rule) = outer.delegate(req).filter(|rule| !seen.contains(rule)) {
                seen.push(rule);
            }
        }
        let met: RuleIds = stack.limiters.last().map(|outer| outer.met_rules()).unwrap_or_default();
        Self::having_met(seen, met, table, req)
    }

    /// The same for one that has met these rules, the latter under limiters further out.
    #[cold]
    fn having_met(seen: RuleIds, of_others: RuleIds, table: &Table, req: &ServiceRequest) -> Self {
        let mut met = of_others.clone();
        met.extend_from_slice(&seen);
        let prediction = table.predict(req, &met);
        let mut charged = prediction.rules.clone();
        charged.retain(|rule| !of_others.contains(rule));
        let mut key = table.key(&prediction, &charged, req);
        key.delegated_rules = prediction.delegated_rules();
        Self { plan: table.plan(key), prediction, charged, seen, of_others }
    }
}

/// Returns whether this limiter is switched on, comes first for this request, and does not skip it.
fn is_handled(worker: &Worker, req: &ServiceRequest, stack: Option<&LimiterStack>) -> bool {
    if !worker.is_enabled() {
        return false;
    }
    if stack.is_some_and(|stack| stack.limiters.iter().any(|state| state.is_of(&worker.shared))) {
        warn_of_duplicate();
        return false;
    }
    !worker.config.settings.is_skipped(req)
}

fn warn_of_duplicate() {
    static LOGGED: Throttle = Throttle::once("L007");
    event!(
        LOGGED.permit_now(),
        WARN,
        "the same limiter wraps a request twice: the outer one decides, the inner one skips it; wrap the app or the \
         scope, not both"
    );
}
