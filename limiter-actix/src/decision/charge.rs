//! The limits of one request, ready to be decided.

use std::{cell::Cell, rc::Rc};

use actix_web::dev::{ResponseHead, ServiceRequest};
use limiter_core::{
    Key, Scope, Window,
    storage::{Hit, Refund},
};
use smallvec::SmallVec;

use crate::{
    CurrentLimit,
    limit::callback::Cost,
    plan::bound_limit::BoundLimit,
    report::{current::LimitOutcome, decided_by::DecidedBy},
    settings::Settings,
};

/// A limit that a request takes from: by whom and how much, and how it came out.
#[derive(Clone)]
pub(crate) struct Charge {
    pub(crate) limit: Rc<BoundLimit>,
    /// Most limits have nothing of the kind, and are small without.
    overrides: Option<Box<Overrides>>,
    cost: u64,
    /// Whether it is taken if it can be, but refuses nothing.
    shadow: bool,
    /// Whether it may be given back: by a function of the response, or when there is none.
    pub(crate) reserved: bool,
    /// For a limit's own meta limit: the place of that limit in the batch.
    only_after: Option<usize>,
    pub(crate) decided_by: Cell<DecidedBy>,
    /// How the limit stood right after the decision.
    pub(crate) window: Option<Window>,
}

/// What functions of the request told of a limit.
#[derive(Clone)]
struct Overrides {
    /// What shares the count; none: what the limit's place says.
    scope: Option<Scope>,
    /// Who is counted; none: the limiter's own key for this request.
    key: Option<Key>,
}

/// Those of a request, which are moved more often than they are made.
pub(crate) type Charges = Vec<Charge>;

impl Charge {
    /// None when the limit is off for this request.
    pub(crate) fn new(limit: &Rc<BoundLimit>, client: &Key, req: &ServiceRequest) -> Option<Self> {
        if let Some(cost) = limit.plain_cost {
            return (!client.is_unlimited()).then(|| Self::plain(limit, cost));
        }
        let options = &limit.options;
        if options.exempt_when.as_ref().is_some_and(|exempt| exempt(req)) {
            return None;
        }
        let key = options.key.as_ref().map(|key| key(req)).filter(|key| !key.is_missing());
        if key.as_ref().unwrap_or(client).is_unlimited() {
            return None;
        }
        let cost = match &options.cost {
            Cost::Fixed(cost) => *cost,
            Cost::With(cost) => cost(req),
        };
        let scope = limit.dynamic_scope(req);
        let overrides = (scope.is_some() || key.is_some()).then(|| Box::new(Overrides { scope, key }));
        Some(Self { overrides, ..Self::plain(limit, cost) })
    }

    /// A limit of which no function of the request told anything.
    fn plain(limit: &Rc<BoundLimit>, cost: u64) -> Self {
        Self {
            limit: Rc::clone(limit),
            overrides: None,
            cost,
            shadow: limit.options.shadow,
            reserved: limit.options.deduct_when.is_some() || limit.options.refund_on_drop,
            only_after: None,
            decided_by: Cell::default(),
            window: None,
        }
    }

    /// Those of the limits that are not off for this request.
    pub(crate) fn of<'a>(
        limits: impl IntoIterator<Item = &'a Rc<BoundLimit>>,
        client: &Key,
        req: &ServiceRequest,
    ) -> Charges {
        let mut charges = Charges::new();
        // One by one is what costs the least for so few.
        for limit in limits {
            if let Some(charge) = Self::new(limit, client, req) {
                charges.push(charge);
            }
        }
        charges
    }

    /// Returns how the limit stands, for the application.
    pub(crate) fn report(
        &self,
        client: &Key,
        window: Window,
        outcome: LimitOutcome,
        settings: &Settings,
    ) -> CurrentLimit {
        CurrentLimit {
            quota: self.limit.policy.quota(),
            name: self.limit.options.name.clone(),
            policy_name: self.limit.policy_name(),
            window,
            outcome,
            is_shadow: self.limit.options.shadow,
            partition: settings.headers.partition(self.key(client)),
        }
    }

    /// The meta limits of the limits themselves: of the same clients, in the same scope.
    pub(crate) fn of_breaches(limits: &[Self]) -> Charges {
        let mut charges = Charges::new();
        for (place, charge) in limits.iter().enumerate().filter(|(_, charge)| !charge.limit.meta.is_empty()) {
            charges.extend(charge.limit.meta.iter().map(|limit| Self {
                limit: Rc::clone(limit),
                cost: 1,
                shadow: false,
                reserved: false,
                only_after: Some(place),
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
        // What has dropped out keeps its place in the batch, as a look that refuses nothing.
        let cost = if self.is_decided() { self.cost } else { 0 };
        let hit = hit.cost(cost).shadow(self.shadow).reserved(self.reserved);
        match self.only_after {
            Some(index) => hit.only_after(index),
            None => hit,
        }
    }

    /// Whether its count is where the limiter keeps counts, and not in the memory that stood in for that.
    pub(crate) fn is_in_storage(&self) -> bool {
        self.decided_by.get() == DecidedBy::Storage
    }

    /// Whether anything has decided it, or it dropped out since the storage failed.
    pub(crate) fn is_decided(&self) -> bool {
        self.decided_by.get() != DecidedBy::Skipped
    }

    /// Whether it refuses nothing.
    pub(crate) fn is_shadow(&self) -> bool {
        self.shadow
    }

    /// Whether its limit is in shadow, and let a request pass that it would have refused.
    pub(crate) fn would_have_refused(&self) -> bool {
        self.limit.options.shadow && self.window.is_some_and(|window| !window.is_allowed())
    }

    /// Whether a function of the response says that it was not due.
    pub(crate) fn is_not_due(&self, response: &ResponseHead) -> bool {
        self.limit.options.deduct_when.as_ref().is_some_and(|deduct| !deduct(response))
    }

    /// Makes it refuse nothing: the request has been answered.
    pub(crate) fn never_refuse(&mut self) {
        self.shadow = true;
    }

    /// Whether it made its request refused.
    pub(crate) fn refuses(&self, window: &Window) -> bool {
        !window.is_allowed() && !self.shadow
    }

    /// Shows the window as it is after the cost was given back.
    pub(crate) fn show_refunded(&mut self) {
        self.window = self.refunded_window();
    }

    /// How the limit stands after the cost was given back.
    pub(crate) fn refunded_window(&self) -> Option<Window> {
        // A limit in shadow may not have taken it.
        self.window.map(|window| if window.is_allowed() { window.refunded(self.cost) } else { window })
    }

    /// Whether it comes back when the request is dropped before its answer.
    pub(crate) fn refunds_on_drop(&self) -> bool {
        self.limit.options.refund_on_drop
    }

    /// Whether anything was taken.
    pub(crate) fn is_taken(&self) -> bool {
        self.window.is_some_and(|window| window.is_allowed())
    }

    /// The hit to give back; none when nothing was taken.
    pub(crate) fn refund<'a>(&'a self, client: &'a Key) -> Option<Refund<'a>> {
        let window = self.window.as_ref().filter(|window| window.is_allowed())?;
        Some(Refund::new(self.hit(client), window))
    }
}

/// The hits of all charges.
#[inline]
pub(crate) fn hits<'a>(charges: &'a [Charge], client: &'a Key) -> SmallVec<[Hit<'a>; 4]> {
    let mut hits = SmallVec::new();
    // One by one is what costs the least for so few.
    for charge in charges {
        hits.push(charge.hit(client));
    }
    hits
}

/// Whether a function could not tell who is counted: the request is answered 500.
pub(crate) fn any_key_failed(charges: &[Charge], client: &Key) -> bool {
    let failed = charges.iter().any(|charge| charge.key(client).is_failed());
    if failed {
        tracing::error!(
            code = "L014",
            "a function could not tell who is counted; the request is answered 500"
        );
    }
    failed
}
