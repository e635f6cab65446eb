//! Admits a request, or refuses it.

use std::{
    borrow::Cow,
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::{Arc, Once, atomic::Ordering},
};

use actix_web::{HttpResponse, dev::ServiceRequest};
use limiter_core::storage::{Decision, MemoryStorage};

use super::state::{LimiterStack, RequestState};
use crate::{
    decision::{
        callback_cache::CallbackCache,
        charge::{Charge, Charges, any_key_failed},
        decided::{DecidedBatch, record_windows},
        query::StorageQuery,
    },
    limiter::worker::Worker,
    plan::{
        Plan,
        key::{RuleId, RuleIds},
    },
    report::decided_by::Undecided,
    routing::{prediction::Route, table::Table},
};

/// A request for which it is known what must be asked, but not yet the answer.
pub(crate) struct Admission {
    state: Rc<RequestState>,
    /// Meta limits: tested before the others, taken from when those refuse.
    meta: Charges,
    plan: Rc<Plan>,
    /// Whether a function could not tell a limit.
    callback_failed: bool,
}

impl Admission {
    /// Works out what applies to a request; none when it passes without a look.
    pub(crate) fn prepare(worker: &Rc<Worker>, req: &ServiceRequest) -> Option<Self> {
        let stack = LimiterStack::of(req);
        if !is_handled(worker, req, stack.as_ref()) {
            LimiterStack::change(req, |stack| stack.is_skipped = true);
            return None;
        }
        let table = worker.table(req);
        let route = table.route(req);
        let candidate = route.predict(req);
        let (rules, plan) = match &stack {
            None => predicted(table, &route, candidate, req),
            Some(stack) => plan_within(stack, table, &route, candidate, req),
        };
        let by_itself = worker.config.settings.auto_check;
        // First, since functions that tell limits may ask for the client's address.
        let client = worker.config.settings.client(req);
        let applicable = if by_itself { plan.applicable(req) } else { Cow::default() };
        let charges = Charge::of(&applicable.limits, &client, req);
        let callback_cache = CallbackCache::default();
        let mut meta = callback_cache.charges(&applicable.meta, &client, req);
        meta.extend(Charge::of_breaches(&charges));
        let callback_failed =
            applicable.callback_failed || any_key_failed(&charges, &client) || any_key_failed(&meta, &client);
        drop(applicable);
        let delegated_rules = route.prediction(candidate).delegated_rules();
        let state = Rc::new(RequestState {
            worker: Rc::clone(worker),
            route,
            candidate,
            client,
            decided_at: worker.now(),
            charged_rules: rules.into(),
            delegated_rules: delegated_rules.into(),
            seen_rules: stack.map(|stack| stack.unclaimed_rules).unwrap_or_default().into(),
            charges: charges.into(),
            callback_cache,
            is_final: (!by_itself).into(),
            awaits_check: (!by_itself).into(),
            inner: RefCell::default(),
            breach: RefCell::default(),
            decided_by: Cell::default(),
            is_reported: Cell::default(),
            has_response: Cell::default(),
            refund_channel: OnceCell::new(),
        });
        Some(Self { state, meta, plan, callback_failed })
    }

    /// The answer that needs no decision: a function could not tell a limit.
    pub(crate) fn failure(&self) -> Option<HttpResponse> {
        self.callback_failed.then(|| HttpResponse::InternalServerError().finish())
    }

    /// Asks a storage that answers at once.
    pub(crate) fn run_memory(&self, memory: &MemoryStorage) -> Decision {
        let charges = self.state.charges.borrow();
        let _timer = self.state.worker.config.settings.telemetry.time_decision(!charges.is_empty());
        self.query(&charges).run_memory(memory)
    }

    /// Asks any storage, or what is to decide when it fails.
    pub(crate) async fn run(&mut self, req: &ServiceRequest) -> Result<Decision, Undecided> {
        let charges = self.state.charges.take();
        let outcome = self.query(&charges).decide(&self.state.worker.config, req).await;
        let outcome = self.state.record_decider(outcome)?;
        if outcome.outage_limits.is_some() {
            self.meta.clear();
        }
        self.state.charges.replace(outcome.outage_limits.unwrap_or(charges));
        Ok(outcome.decision)
    }

    /// The answer to a request that could not be decided.
    pub(crate) fn undecided(&self, why: Undecided, req: &ServiceRequest) -> HttpResponse {
        self.state.undecided(why, req)
    }

    fn query<'a>(&'a self, limits: &'a [Charge]) -> StorageQuery<'a> {
        StorageQuery {
            guards: &self.meta,
            limits,
            on_refusal: &self.meta,
            client: &self.state.client,
            now: self.state.decided_at,
            plan: Some(&self.plan),
            kept: &[],
        }
    }

    /// Lets the request go on, with its state, or refuses it.
    pub(crate) fn conclude(
        self,
        req: &ServiceRequest,
        decision: &Decision,
    ) -> Result<Rc<RequestState>, Box<HttpResponse>> {
        let Self { state, meta, .. } = self;
        if !decision.is_admitted() {
            let charges = state.charges.borrow();
            let batch = DecidedBatch { decision, guards: &meta, limits: &charges, refunded: &[] };
            if let Some(response) = state.refusal(&batch, req) {
                drop(charges);
                return Err(Box::new(response));
            }
        }
        record_windows(decision, &mut state.charges.borrow_mut());
        state.prepare_refund();
        LimiterStack::leave(req, &state);
        Ok(state)
    }
}

/// Whether this limiter has anything to do with the request.
fn is_handled(worker: &Worker, req: &ServiceRequest, stack: Option<&LimiterStack>) -> bool {
    if !worker.config.enabled.load(Ordering::Relaxed) {
        return false;
    }
    let is_own = |state: &Rc<RequestState>| Arc::ptr_eq(&state.worker.shared, &worker.shared);
    if stack.is_some_and(|stack| stack.limiters.iter().any(is_own)) {
        warn_of_duplicate();
        return false;
    }
    !worker.config.settings.is_skipped(req)
}

/// The rules that are granted in advance, and the plan that follows.
fn predicted(
    table: &Table,
    route: &Route,
    candidate: Option<usize>,
    req: &ServiceRequest,
) -> (RuleIds, Rc<Plan>) {
    let prediction = route.prediction(candidate);
    (RuleIds::from_slice(prediction.rules()), table.predicted_plan(route, prediction, req))
}

/// The same, and the rules that have been met before, for a request that has come through other limiters or
/// has met rules. Those it met under another limiter are that one's.
#[cold]
fn plan_within(
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
    let expected = prediction.rules();
    let is_others = |id: &RuleId| stack.limiters.iter().any(|state| state.seen_rules.borrow().contains(id));
    let seen = || stack.unclaimed_rules.iter().copied().filter(|id| !expected.contains(id));
    if !expected.iter().any(is_others) && seen().next().is_none() {
        return predicted(table, route, candidate, req);
    }
    let granted = expected.iter().copied().filter(|id| !is_others(id));
    let rules: RuleIds = seen().chain(granted).collect();
    let mut key = table.key(route, &rules, req);
    key.delegated_rules = prediction.delegated_rules();
    (rules, table.plan(key))
}

fn warn_of_duplicate() {
    static LOGGED: Once = Once::new();
    LOGGED.call_once(|| {
        tracing::warn!(
            code = "L007",
            "the same limiter stands twice around a request: the first decides, the second passes; wrap \
             the app or the scope, not both"
        );
    });
}
