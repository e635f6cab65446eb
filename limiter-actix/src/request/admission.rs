//! The admission of a request: predicts its route, and decides the limits there.

use std::{
    borrow::Cow,
    rc::Rc,
    sync::{Once, atomic::Ordering},
};

use actix_web::dev::ServiceRequest;
use limiter_core::storage::Decision;

use super::{
    early_drop::OnEarlyDrop, pending::PendingDecision, phase::Phase, predicted::PredictedRequest,
    rule_ledger::RuleLedger, stack::LimiterStack, state::RequestState,
};
use crate::{
    decision::{
        callback_cache::CallbackCache,
        charge::{Charge, Charges, any_key_failed},
        context::DecisionContext,
        decided::{DecidedBatch, record_windows},
        query::{Outage, StorageQuery},
    },
    limiter::worker::Worker,
    plan::{
        Plan,
        key::{RuleId, RuleIds},
    },
    report::decided_by::DecidedBy,
    routing::{prediction::Route, table::Table},
    settings::Config,
};

/// A request that is predicted and not decided yet.
pub(crate) struct Admission {
    predicted: PredictedRequest,
    rules: RuleLedger,
    charges: Charges,
    /// The meta limits: tested before the other limits, and charged if those refuse.
    meta: Charges,
    plan: Rc<Plan>,
    decided_by: DecidedBy,
    callback_failed: bool,
}

impl Admission {
    /// Predicts a request. Returns `None` if this limiter skips it.
    pub(crate) fn prepare(worker: &Rc<Worker>, req: &ServiceRequest) -> Option<Self> {
        let stack = LimiterStack::of(req);
        if !is_handled(worker, req, stack.as_ref()) {
            LimiterStack::skip(req);
            return None;
        }
        let table = worker.table(req);
        let route = table.route(req);
        let candidate = route.predict(req);
        let (charged, plan) = match &stack {
            None => predict(table, &route, candidate, req),
            Some(stack) => predict_within(stack, table, &route, candidate, req),
        };
        let settings = &worker.config.settings;
        // First, since the callbacks of limits may read the client's address.
        let client = settings.client(req);
        let applicable = if settings.auto_check { plan.applicable(req) } else { Cow::default() };
        let charges = Charge::of(&applicable.limits, &client, req);
        let callback_cache = CallbackCache::default();
        let mut meta = callback_cache.charges(&applicable.meta, &client, req);
        meta.extend(Charge::of_breaches(&charges));
        let callback_failed =
            applicable.callback_failed || any_key_failed(&charges, &client) || any_key_failed(&meta, &client);
        drop(applicable);
        let rules = RuleLedger {
            charged,
            delegated: route.prediction(candidate).delegated_rules(),
            seen: stack.map(|stack| stack.unclaimed_rules).unwrap_or_default(),
        };
        let decided_at = worker.now();
        let worker = Rc::clone(worker);
        let predicted = PredictedRequest { worker, route, candidate, client, decided_at, callback_cache };
        let decided_by = DecidedBy::default();
        Some(Self { predicted, rules, charges, meta, plan, decided_by, callback_failed })
    }
}

impl PendingDecision for Admission {
    type Admitted = OnEarlyDrop;

    fn config(&self) -> &Config {
        &self.predicted.worker.config
    }

    fn callback_failed(&self) -> bool {
        self.callback_failed
    }

    fn query<'a>(&'a self, req: &'a ServiceRequest) -> StorageQuery<'a> {
        StorageQuery {
            guards: &self.meta,
            limits: &self.charges,
            on_refusal: &self.meta,
            client: &self.predicted.client,
            now: self.predicted.decided_at,
            outage: Some(Outage { plan: &self.plan, req, kept: &[] }),
        }
    }

    fn batch<'a>(&'a self, decision: &'a Decision) -> DecidedBatch<'a> {
        DecidedBatch { decision, guards: &self.meta, limits: &self.charges, refunded: &[] }
    }

    fn context(&self) -> DecisionContext<'_> {
        self.predicted.context(self.decided_by)
    }

    fn record_decider(&mut self, by: DecidedBy) {
        self.decided_by = by;
    }

    fn replace_limits(&mut self, outage_limits: Charges) {
        self.charges = outage_limits;
        self.meta.clear();
    }

    fn admit(self, req: &ServiceRequest, decision: &Decision) -> OnEarlyDrop {
        let Self { predicted, rules, mut charges, decided_by, .. } = self;
        record_windows(decision, &mut charges);
        let auto_check = predicted.settings().auto_check;
        let phase = if auto_check { Phase::Admitted } else { Phase::AwaitsCheck };
        let state = Rc::new(RequestState::new(predicted, phase, rules, charges, decided_by));
        state.prepare_refund();
        LimiterStack::push(req, &state);
        OnEarlyDrop::new(state)
    }
}

/// Returns whether this limiter is switched on, comes first for this request, and does not skip it.
fn is_handled(worker: &Worker, req: &ServiceRequest, stack: Option<&LimiterStack>) -> bool {
    if !worker.config.enabled.load(Ordering::Relaxed) {
        return false;
    }
    if stack.is_some_and(|stack| stack.limiters.iter().any(|state| state.is_of(&worker.shared))) {
        warn_of_duplicate();
        return false;
    }
    !worker.config.settings.is_skipped(req)
}

/// Returns the predicted rules, and the plan that follows from them.
fn predict(
    table: &Table,
    route: &Route,
    candidate: Option<usize>,
    req: &ServiceRequest,
) -> (RuleIds, Rc<Plan>) {
    let prediction = route.prediction(candidate);
    (RuleIds::from_slice(prediction.rules()), table.predicted_plan(route, prediction, req))
}

/// The same for a request that has met limiters or rules before. Rules that it met under another limiter are decided
/// there. Rules that it met before any limiter are decided here.
#[cold]
fn predict_within(
    stack: &LimiterStack,
    table: &Table,
    route: &Route,
    candidate: Option<usize>,
    req: &ServiceRequest,
) -> (RuleIds, Rc<Plan>) {
    for outer in &stack.limiters {
        outer.delegate(req);
    }
    let prediction = route.prediction(candidate);
    let predicted = prediction.rules();
    let is_others = |id: &RuleId| stack.limiters.iter().any(|state| state.rules.borrow().seen.contains(id));
    let unclaimed = || stack.unclaimed_rules.iter().copied().filter(|id| !predicted.contains(id));
    if !predicted.iter().any(is_others) && unclaimed().next().is_none() {
        return predict(table, route, candidate, req);
    }
    let own = predicted.iter().copied().filter(|id| !is_others(id));
    let rules: RuleIds = unclaimed().chain(own).collect();
    let mut key = table.key(route, &rules, req);
    key.delegated_rules = prediction.delegated_rules();
    (rules, table.plan(key))
}

fn warn_of_duplicate() {
    static LOGGED: Once = Once::new();
    LOGGED.call_once(|| {
        tracing::warn!(
            code = "L007",
            "the same limiter wraps a request twice: the outer one decides, the inner one skips it; wrap the app \
             or the scope, not both"
        );
    });
}
