//! The admission of a request: predicts its route, and decides the limits there.

use std::{borrow::Cow, rc::Rc, sync::atomic::Ordering};

use actix_web::dev::ServiceRequest;
use limiter_core::{
    log::{Throttle, event},
    storage::Decision,
};

use super::{
    early_drop::OnEarlyDrop,
    pending::{PendingDecision, Progress, decide_in_memory},
    phase::Phase,
    predicted::PredictedRequest,
    rule_ledger::RuleLedger,
    stack::LimiterStack,
    state::RequestState,
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
    plan::{Plan, key::RuleIds},
    report::decided_by::DecidedBy,
    routing::{prediction::Prediction, table::Table},
    settings::Config,
};

/// A request that is predicted and not decided yet.
pub(crate) struct Admission {
    predicted: PredictedRequest,
    rules: RuleLedger,
    charges: Charges,
    /// Charges of a place where the request may not arrive, which refused.
    set_aside: Charges,
    /// The meta limits: tested before the other limits, and charged if those refuse.
    meta: Charges,
    plan: Rc<Plan>,
    decided_by: DecidedBy,
    callback_failed: bool,
}

/// The route of a request as predicted, the rules that it is charged for and those it has met, and the plan.
struct Forecast {
    prediction: Prediction,
    charged: RuleIds,
    seen: RuleIds,
    plan: Rc<Plan>,
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
        let forecast = match &stack {
            None => Forecast::of(table, req),
            Some(stack) => Forecast::within(stack, table, req),
        };
        let settings = &worker.config.settings;
        let may_be_rewritten = !worker.is_next_to_router
            && (table.has_rules_by_pattern()
                || table.is_rewritten()
                || forecast.prediction.pattern().is_none());
        let predicted = PredictedRequest {
            // First, since the callbacks of limits may read the client's address.
            client: settings.client(req),
            prediction: forecast.prediction,
            came_by: may_be_rewritten.then(|| req.match_info().as_str().into()),
            decided_at: worker.now(),
            callback_cache: CallbackCache::default(),
            worker: Rc::clone(worker),
        };
        Some(Self::charging(predicted, forecast.charged, forecast.seen, forecast.plan, Charges::new(), req))
    }

    /// Prepares the charges of a plan. Those made before are not made again.
    fn charging(
        mut predicted: PredictedRequest,
        predicted_rules: RuleIds,
        seen: RuleIds,
        plan: Rc<Plan>,
        before: Charges,
        req: &ServiceRequest,
    ) -> Self {
        let auto_check = predicted.settings().auto_check;
        let applicable = if auto_check { plan.applicable(req) } else { Cow::default() };
        let client = &predicted.client;
        let (mut charges, set_aside): (Charges, Charges) =
            before.into_iter().partition(|charge| charge.is_of(&applicable.limits));
        let is_new = |limit: &&Rc<_>| !charges.iter().any(|charge| charge.limit.shares_count_with(limit));
        let added = Charge::of(applicable.limits.iter().filter(is_new), client, req);
        charges.extend(added);
        let mut meta = predicted.callback_cache.charges(&applicable.meta, client, req);
        meta.extend(Charge::of_breaches(&charges));
        let callback_failed =
            applicable.callback_failed || any_key_failed(&[&charges, &meta], client, predicted.settings());
        drop(applicable);
        let rules = RuleLedger::new(&mut predicted.prediction, predicted_rules, seen);
        let decided_by = DecidedBy::default();
        Self { predicted, rules, charges, set_aside, meta, plan, decided_by, callback_failed }
    }
}

impl Forecast {
    fn of(table: &Table, req: &ServiceRequest) -> Self {
        let prediction = table.predict(req, &[]);
        let plan = table.predicted_plan(&prediction, req);
        Self { charged: prediction.rules.clone(), seen: RuleIds::new(), prediction, plan }
    }

    /// The same for a request that has met limiters or rules before. Rules that it met under another limiter are decided
    /// there. Rules that it met before any limiter, or on the very route or resource, are decided here.
    #[cold]
    fn within(stack: &LimiterStack, table: &Table, req: &ServiceRequest) -> Self {
        let mut seen = stack.unclaimed_rules.clone();
        for outer in &stack.limiters {
            let handed_over = outer.delegate(req).filter(|rule| !seen.contains(rule));
            seen.extend(handed_over);
        }
        let mut met: RuleIds = stack.limiters.last().map(|outer| outer.seen_rules()).unwrap_or_default();
        let of_others = met.clone();
        met.extend_from_slice(&seen);
        let prediction = table.predict(req, &met);
        let mut charged = prediction.rules.clone();
        charged.retain(|rule| !of_others.contains(rule));
        let mut key = table.key(&prediction, &charged, req);
        key.delegated_rules = prediction.delegated_rules();
        Self { plan: table.plan(key), prediction, charged, seen }
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
            // A refusal that is not final is no breach.
            on_refusal: if self.predicted.prediction.may_end_elsewhere() { &[] } else { &self.meta },
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

    /// A guard may lead the request past the predicted place. Then only the limits there can refuse it now, and those of
    /// the predicted place are decided where it arrives.
    fn elsewhere(self, req: &ServiceRequest) -> Result<Self, Self> {
        let Some(prediction) = self.predicted.prediction.elsewhere() else { return Err(self) };
        let Self { predicted, rules, charges, set_aside, .. } = self;
        let table = predicted.worker.table(req);
        let charged = prediction.rules.clone();
        let mut key = table.key(&prediction, &charged, req);
        key.delegated_rules = prediction.delegated_rules();
        let plan = table.plan(key);
        let predicted = PredictedRequest { prediction, ..predicted };
        let before = charges.into_iter().chain(set_aside).collect();
        Ok(Self::charging(predicted, charged, rules.seen, plan, before, req))
    }

    fn admit(self, req: &ServiceRequest, decision: &Decision) -> OnEarlyDrop {
        let Self { predicted, rules, mut charges, set_aside, decided_by, .. } = self;
        record_windows(decision, &mut charges);
        let auto_check = predicted.settings().auto_check;
        let phase = if auto_check { Phase::Admitted } else { Phase::AwaitsCheck };
        let state = Rc::new(RequestState::new(predicted, phase, rules, charges, set_aside, decided_by));
        state.prepare_refund();
        LimiterStack::push(req, &state);
        OnEarlyDrop::new(state)
    }

    fn decide_now(self, req: &ServiceRequest) -> Progress<Self> {
        decide_in_memory(self, req)
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

fn warn_of_duplicate() {
    static LOGGED: Throttle = Throttle::once("L007");
    event!(
        LOGGED.permit_now(),
        WARN,
        "the same limiter wraps a request twice: the outer one decides, the inner one skips it; wrap the app or the \
         scope, not both"
    );
}
