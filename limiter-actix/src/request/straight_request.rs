//! The state of a request on the straight way.

use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
    sync::Arc,
};

use limiter_core::{Key, Timestamp, Window};
use smallvec::SmallVec;

use super::{phase::Phase, predicted::PredictedRequest, rule_ledger::RuleLedger, state::RequestState};
use crate::{
    decision::{callback_cache::CallbackCache, charge::Charge},
    limiter::{shared::Shared, worker::Worker},
    plan::{Plan, bound_limit::BoundLimit, key::RuleId},
    report::current::{Current, LimitOutcome},
    routing::{certain::CertainPlace, registered::Position},
    settings::Settings,
};

/// The windows of a request. Most have two or fewer.
pub(super) type Windows = SmallVec<[Window; 2]>;

/// An admitted request on the straight way: what differs between requests, and nothing else.
///
/// As soon as something unusual happens to it, it continues as a [`RequestState`]: a rule that was not predicted, a limiter
/// further in, an error in place of a response, a response from elsewhere.
pub(crate) struct StraightRequest {
    worker: Rc<Worker>,
    place: CertainPlace,
    pub(super) plan: Rc<Plan>,
    client: Key,
    decided_at: Timestamp,
    /// The windows of the limits of the plan. None if the client is unlimited.
    windows: Windows,
    /// `true` if other requests may have come since the request was admitted.
    is_late: Cell<bool>,
    /// The position of the last rule that the request has met.
    last: Cell<Position>,
    is_settled: Cell<bool>,
    /// The request, once it has left the straight way.
    general: OnceCell<Rc<RequestState>>,
}

impl StraightRequest {
    #[inline]
    pub(super) fn new(
        worker: Rc<Worker>,
        place: CertainPlace,
        plan: Rc<Plan>,
        client: Key,
        decided_at: Timestamp,
        windows: Windows,
    ) -> Self {
        let (is_late, last, is_settled) = (Cell::new(false), Cell::new(Position::Scope), Cell::new(false));
        let general = OnceCell::new();
        Self { worker, place, plan, client, decided_at, windows, is_late, last, is_settled, general }
    }

    /// Returns the state of a request without limits, which has met the last of its rules at this position.
    pub(super) fn without_limits(
        worker: Rc<Worker>,
        place: CertainPlace,
        plan: Rc<Plan>,
        client: Key,
        last: Position,
    ) -> Self {
        let decided_at = worker.now();
        Self { last: last.into(), ..Self::new(worker, place, plan, client, decided_at, Windows::new()) }
    }

    #[inline]
    pub(super) fn settings(&self) -> &Settings {
        &self.worker.config.settings
    }

    pub(super) fn limiter(&self) -> &Arc<Shared> {
        &self.worker.shared
    }

    #[inline]
    pub(super) fn decided_at(&self) -> Timestamp {
        self.decided_at
    }

    #[inline]
    pub(super) fn pattern(&self) -> Option<&str> {
        self.place.pattern().map(|pattern| &**pattern)
    }

    /// Returns the limits and their windows.
    pub(super) fn limits(&self) -> impl Iterator<Item = (&BoundLimit, &Window)> {
        self.plan.plain_limits().iter().map(|limit| &**limit).zip(&self.windows)
    }

    /// Adds the limits of the request, as they stand.
    pub(super) fn add_current(&self, current: &mut Current) {
        let settings = self.settings();
        let report = |(limit, window): (&BoundLimit, &Window)| {
            limit.report(&self.client, *window, LimitOutcome::Passed, settings)
        };
        current.extend(self.limits().map(report));
    }

    /// Records that the service has been called, so that other requests may come before this one goes on.
    #[inline]
    pub(super) fn note_call(&self) {
        self.is_late.set(true);
        if let Some(general) = self.general.get() {
            general.note_call();
        }
    }

    /// Records that the request has met a rule. Returns whether it was predicted.
    #[inline]
    pub(super) fn note_rule(&self, rule: RuleId, position: Position) -> bool {
        self.last.set(position);
        self.place.meet(rule, self.is_late.get())
    }

    /// Returns the state of the request, if it has left the straight way.
    pub(super) fn general(&self) -> Option<&Rc<RequestState>> {
        self.general.get()
    }

    /// Returns whether nothing unusual has happened to the request so far.
    #[inline]
    pub(super) fn is_simple(&self) -> bool {
        self.general.get().is_none() && self.place.is_confirmed()
    }

    /// Notes that the request has ended.
    #[inline]
    pub(super) fn note_end(&self) {
        self.is_settled.set(true);
    }

    #[inline]
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled.get()
    }

    /// Continues with the request in general.
    #[cold]
    pub(super) fn continue_in_general(&self) -> &Rc<RequestState> {
        self.general.get_or_init(|| Rc::new(self.to_general()))
    }

    fn to_general(&self) -> RequestState {
        let mut prediction = self.place.to_prediction();
        let mut rules = RuleLedger::of_certain(&mut prediction, &self.place, self.last.get());
        rules.is_late = self.is_late.get();
        let predicted = PredictedRequest {
            client: self.client.clone(),
            prediction,
            came_by: None,
            decided_at: self.decided_at,
            callback_cache: CallbackCache::default(),
            worker: Rc::clone(&self.worker),
        };
        let charges = self.plan.plain_limits().iter().zip(&self.windows);
        let state = RequestState::new(predicted, Phase::Admitted, rules);
        state.charges.replace(charges.map(|(limit, window)| Charge::decided(limit, *window)).collect());
        state
    }
}
