//! Charges: the limits of one request, ready to be decided.

use std::{cell::Cell, rc::Rc, sync::Arc};

use actix_web::dev::{ResponseHead, ServiceRequest};
use limiter_core::{
    Key, Scope, Window,
    log::event,
    storage::{Hit, Refund},
};
use smallvec::SmallVec;

use crate::{
    CurrentLimit,
    count_id::CountId,
    holds::SharedHold,
    limit::callback::{Cost, KeyFn},
    plan::bound_limit::BoundLimit,
    report::{current::LimitOutcome, decided_by::DecidedBy},
    reservations::Reservation,
    settings::Settings,
};

/// A limit that a request is charged for: whose count, how much, and the outcome.
#[derive(Clone)]
pub(crate) struct Charge {
    pub(crate) limit: Rc<BoundLimit>,
    /// Boxed, since few limits have any.
    overrides: Option<Box<Overrides>>,
    cost: u64,
    /// If set, the charge never refuses, and is skipped if it does not fit.
    shadow: bool,
    /// If set, the cost may be refunded: by `deduct_when`, by `refund_on_drop`, or since the limit is metered.
    pub(crate) reserved: bool,
    /// `true` if the cost was refunded, or left to the usage of the request.
    is_settled: bool,
    /// For a limit's own meta limit: the index of that limit in the batch.
    only_after: Option<usize>,
    pub(crate) decided_by: Cell<DecidedBy>,
    /// The window of the limit right after the decision.
    pub(crate) window: Option<Window>,
}

/// Values that callbacks returned for one request, and its reservation.
#[derive(Clone, Default)]
struct Overrides {
    /// The scope of the count. Defaults to that of the bound limit.
    scope: Option<Scope>,
    /// The client. Defaults to the limiter's own key for this request.
    key: Option<Key>,
    /// Of a limit with `deduct_when`, until the response decides about the charge. Of a metered limit, until its usage is
    /// settled.
    reservation: Option<Arc<Reservation>>,
    /// Of a limit of concurrent requests, until the request ends.
    hold: Option<Rc<SharedHold>>,
}

/// The charges of a request. A vector, since they are moved more often than they are made.
pub(crate) type Charges = Vec<Charge>;

impl Charge {
    /// Returns the charge for a limit. Returns `None` if the limit does not apply to this request.
    pub(crate) fn new(limit: &Rc<BoundLimit>, client: &Key, req: &ServiceRequest) -> Option<Self> {
        if limit.is_unsupported {
            return None;
        }
        if let Some(cost) = limit.plain_cost {
            return (!client.is_unlimited()).then(|| Self::plain(limit, cost));
        }
        let options = &limit.options;
        if options.exempt_when.as_ref().is_some_and(|exempt| exempt(req)) {
            return None;
        }
        let of = |key: &Option<KeyFn>| key.as_ref().map(|key| key(req)).filter(|key| !key.is_missing());
        let key = of(&options.key).or_else(|| of(&limit.async_key));
        if key.as_ref().unwrap_or(client).is_unlimited() {
            return None;
        }
        let cost = match &options.cost {
            Cost::Fixed(cost) => *cost,
            Cost::With(cost) => cost(req),
        };
        let scope = limit.dynamic_scope(req);
        let overrides = (scope.is_some() || key.is_some())
            .then(|| Box::new(Overrides { scope, key, ..Overrides::default() }));
        Some(Self { overrides, ..Self::plain(limit, cost) })
    }

    /// Returns the charge for a plain limit that is decided.
    pub(crate) fn decided(limit: &Rc<BoundLimit>, window: Window) -> Self {
        Self { window: Some(window), ..Self::plain(limit, limit.plain_cost.unwrap_or(1)) }
    }

    /// Returns the charge for a limit without overrides.
    fn plain(limit: &Rc<BoundLimit>, cost: u64) -> Self {
        Self {
            limit: Rc::clone(limit),
            overrides: None,
            cost: if limit.options.metered { limit.most_reserved(cost) } else { cost },
            shadow: limit.options.shadow,
            reserved: limit.options.deduct_when.is_some()
                || limit.options.refund_on_drop
                || limit.options.metered
                || limit.policy.is_concurrent(),
            only_after: None,
            decided_by: Cell::default(),
            window: None,
            is_settled: false,
        }
    }

    /// Returns the charges for the limits that apply to this request.
    pub(crate) fn of<'a>(
        limits: impl IntoIterator<Item = &'a Rc<BoundLimit>>,
        client: &Key,
        req: &ServiceRequest,
    ) -> Charges {
        let mut charges = Charges::new();
        for limit in limits {
            if let Some(charge) = Self::new(limit, client, req) {
                charges.push(charge);
            }
        }
        charges
    }

    /// Returns whether it is for one of these limits.
    pub(crate) fn is_of(&self, limits: &[Rc<BoundLimit>]) -> bool {
        limits.iter().any(|limit| limit.shares_count_with(&self.limit))
    }

    /// Returns the limit as the application sees it.
    pub(crate) fn report(
        &self,
        client: &Key,
        window: Window,
        outcome: LimitOutcome,
        settings: &Settings,
    ) -> CurrentLimit {
        self.limit.report(self.key(client), window, outcome, settings)
    }

    /// Returns the charges for the own meta limits of these limits, with the same clients and scopes.
    pub(crate) fn of_breaches(limits: &[Self]) -> Charges {
        let mut charges = Charges::new();
        if limits.iter().all(|charge| charge.limit.meta.is_empty()) {
            return charges;
        }
        for (index, charge) in limits.iter().enumerate().filter(|(_, charge)| !charge.limit.meta.is_empty()) {
            charges.extend(charge.limit.meta.iter().map(|limit| Self {
                limit: Rc::clone(limit),
                cost: 1,
                shadow: limit.options.shadow,
                reserved: false,
                only_after: Some(index),
                window: None,
                ..charge.clone()
            }));
        }
        charges
    }

    pub(crate) fn key<'a>(&'a self, client: &'a Key) -> &'a Key {
        self.overrides.as_ref().and_then(|overrides| overrides.key.as_ref()).unwrap_or(client)
    }

    pub(crate) fn hit<'a>(&'a self, client: &'a Key) -> Hit<'a> {
        let scope = self
            .overrides
            .as_ref()
            .and_then(|overrides| overrides.scope.as_ref())
            .unwrap_or(&self.limit.scope);
        let hit = Hit::new(scope, self.key(client), &self.limit.policy);
        // A skipped charge keeps its place in the batch: with a cost of 0 it never refuses.
        let cost = if self.is_decided() { self.cost } else { 0 };
        let hit = hit.cost(cost).shadow(self.shadow).reserved(self.reserved);
        match self.only_after {
            Some(index) => hit.only_after(index),
            None => hit,
        }
    }

    pub(super) fn count_id(&self, client: &Key) -> CountId {
        CountId::of(&self.hit(client))
    }

    /// Returns whether the count is in the limiter's storage, not in the fallback memory.
    pub(crate) fn is_in_storage(&self) -> bool {
        self.decided_by.get() == DecidedBy::Storage
    }

    /// Returns whether the charge is decided, as opposed to skipped while the storage fails.
    pub(crate) fn is_decided(&self) -> bool {
        self.decided_by.get() != DecidedBy::Skipped
    }

    /// Returns whether the charge never refuses.
    pub(crate) fn is_shadow(&self) -> bool {
        self.shadow
    }

    /// Returns whether a limit in shadow admitted what it would otherwise have refused.
    pub(crate) fn would_have_refused(&self) -> bool {
        self.limit.options.shadow && self.window.is_some_and(|window| !window.is_allowed())
    }

    /// Returns whether `deduct_when` rejects the charge for this response.
    pub(crate) fn is_not_due(&self, response: &ResponseHead) -> bool {
        let deduct_when = self.limit.options.deduct_when.as_ref().filter(|_| !self.is_concurrent());
        deduct_when.is_some_and(|deduct| !deduct(response))
    }

    /// Returns whether the cost is an estimate.
    pub(crate) fn is_metered(&self) -> bool {
        self.limit.options.metered
    }

    /// Makes the charge never refuse, for requests that already have a response.
    pub(crate) fn never_refuse(&mut self) {
        self.shadow = true;
    }

    /// Returns whether the charge refuses its request.
    pub(crate) fn refuses(&self, window: &Window) -> bool {
        !window.is_allowed() && !self.shadow
    }

    /// Updates the window to a refund of the cost.
    pub(crate) fn show_refunded(&mut self) {
        self.window = self.refunded_window();
        self.is_settled = true;
    }

    /// Notes that the usage of the request settles the charge.
    pub(crate) fn leave_to_usage(&mut self) {
        self.is_settled = true;
    }

    /// Returns the window after a refund of the cost.
    pub(crate) fn refunded_window(&self) -> Option<Window> {
        // A limit in shadow may not have been charged.
        self.window.map(|window| if window.is_allowed() { window.refunded(self.cost) } else { window })
    }

    /// Returns whether the cost is refunded if the request is dropped before its response.
    pub(crate) fn refunds_on_drop(&self) -> bool {
        self.limit.options.refund_on_drop
    }

    /// Returns whether the cost was charged.
    pub(crate) fn is_taken(&self) -> bool {
        self.window.is_some_and(|window| window.is_allowed())
    }

    /// Returns the number of the limit whose breaches this charge counts.
    pub(super) fn limit_number(&self) -> Option<usize> {
        self.only_after
    }

    /// Returns the amount that must be left for the charge to pass.
    pub(super) fn needed(&self) -> u64 {
        // A metered limit reserves at most its whole amount.
        if self.is_metered() { self.cost.min(1) } else { self.cost }
    }

    pub(super) fn cost(&self) -> u64 {
        self.cost
    }

    /// Sets the reservation of the charge, which its clones share.
    pub(super) fn set_reservation(&mut self, reservation: Option<Reservation>) {
        let reservation = reservation.map(Arc::new);
        if reservation.is_some() || self.overrides.is_some() {
            self.overrides.get_or_insert_default().reservation = reservation;
        }
    }

    /// Returns the reservation of the charge, if it has one.
    pub(super) fn reservation(&self) -> Option<&Arc<Reservation>> {
        self.overrides.as_ref()?.reservation.as_ref()
    }

    pub(super) fn set_hold(&mut self, hold: Rc<SharedHold>) {
        self.overrides.get_or_insert_default().hold = Some(hold);
    }

    pub(super) fn shared_hold(&self) -> Option<&Rc<SharedHold>> {
        self.overrides.as_ref()?.hold.as_ref()
    }

    /// Returns the refund of the charge. Returns `None` if nothing was charged, or if it is settled.
    pub(crate) fn refund<'a>(&'a self, client: &'a Key) -> Option<Refund<'a>> {
        let window = self.window.as_ref().filter(|window| window.is_allowed() && !self.is_settled)?;
        Some(Refund::new(self.hit(client), window))
    }
}

/// Splits charges into those that pass a test and the others. The test is no type parameter, so that this is compiled
/// once.
pub(crate) fn partition(charges: Charges, test: &dyn Fn(&Charge) -> bool) -> (Charges, Charges) {
    let (mut passing, mut others) = (Charges::new(), Charges::new());
    for charge in charges {
        if test(&charge) { passing.push(charge) } else { others.push(charge) }
    }
    (passing, others)
}

/// Returns the hits of all charges.
#[inline]
pub(crate) fn hits<'a>(charges: &'a [Charge], client: &'a Key) -> SmallVec<[Hit<'a>; 4]> {
    let mut hits = SmallVec::new();
    for charge in charges {
        hits.push(charge.hit(client));
    }
    hits
}

/// Returns whether a key function failed for any of the charges, and logs it.
pub(crate) fn any_key_failed(charges: &[&Charges], client: &Key, settings: &Settings) -> bool {
    let uses_failed = |it: &Charge| it.key(client).is_failed();
    let failed = charges.iter().any(|charges| charges.iter().any(uses_failed));
    if failed {
        event!(
            settings.telemetry.lines.key_failed.permit(settings.clock.now()),
            ERROR,
            "key function failed; responding with 500"
        );
    }
    failed
}
