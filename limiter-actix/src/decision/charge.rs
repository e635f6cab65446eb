//! The limits of one request, ready to be decided.

use std::{cell::Cell, rc::Rc};

use actix_web::dev::{ResponseHead, ServiceRequest};
use limiter_core::{
    Key, Scope, Window,
    storage::{Hit, Refund},
};
use smallvec::SmallVec;

use crate::{
    limit::{callback::Cost, on_storage_failure::DecidedBy},
    plan::bound_limit::Placed,
};

/// A limit that a request takes from: by whom and how much, and how it came out.
#[derive(Clone)]
pub(crate) struct Charge {
    pub(crate) placed: Rc<Placed>,
    /// Most limits have nothing of the kind, and are small without.
    told: Option<Box<Told>>,
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
struct Told {
    /// What shares the count; none: what the limit's place says.
    scope: Option<Scope>,
    /// Who is counted; none: the limiter's own key for this request.
    key: Option<Key>,
}

/// Those of a request, which are moved more often than they are made.
pub(crate) type Charges = Vec<Charge>;

impl Charge {
    /// None when the limit is off for this request.
    pub(crate) fn new(placed: &Rc<Placed>, client: &Key, req: &ServiceRequest) -> Option<Self> {
        let limit = &placed.limit;
        if let Some(cost) = placed.plain_cost {
            return (!client.is_unlimited()).then(|| Self::plain(placed, cost));
        }
        if limit.exempt_when.as_ref().is_some_and(|exempt| exempt(req)) {
            return None;
        }
        let key = limit.key.as_ref().map(|key| key(req)).filter(|key| !key.is_missing());
        if key.as_ref().unwrap_or(client).is_unlimited() {
            return None;
        }
        let cost = match &limit.cost {
            Cost::Fixed(cost) => *cost,
            Cost::With(cost) => cost(req),
        };
        let scope = placed.scope_told_by(req);
        let told = (scope.is_some() || key.is_some()).then(|| Box::new(Told { scope, key }));
        Some(Self { told, ..Self::plain(placed, cost) })
    }

    /// A limit of which no function of the request told anything.
    fn plain(placed: &Rc<Placed>, cost: u64) -> Self {
        Self {
            placed: Rc::clone(placed),
            told: None,
            cost,
            shadow: placed.limit.shadow,
            reserved: placed.limit.deduct_when.is_some() || placed.limit.refund_on_drop,
            only_after: None,
            decided_by: Cell::default(),
            window: None,
        }
    }

    /// Those of the limits that are not off for this request.
    pub(crate) fn of<'a>(
        placed: impl IntoIterator<Item = &'a Rc<Placed>>,
        client: &Key,
        req: &ServiceRequest,
    ) -> Charges {
        let mut charges = Charges::new();
        // One by one is what costs the least for so few.
        for placed in placed {
            if let Some(charge) = Self::new(placed, client, req) {
                charges.push(charge);
            }
        }
        charges
    }

    /// The meta limits of the limits themselves: of the same clients, in the same scope.
    pub(crate) fn of_breaches(limits: &[Self]) -> Charges {
        let mut charges = Charges::new();
        for (place, charge) in limits.iter().enumerate().filter(|(_, charge)| !charge.placed.meta.is_empty())
        {
            charges.extend(charge.placed.meta.iter().map(|placed| Self {
                placed: Rc::clone(placed),
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
        self.told.as_ref().and_then(|told| told.key.as_ref()).unwrap_or(client)
    }

    pub(crate) fn hit<'a>(&'a self, client: &'a Key) -> Hit<'a> {
        let scope = self.told.as_ref().and_then(|told| told.scope.as_ref()).unwrap_or(&self.placed.scope);
        let hit = Hit::new(scope, self.key(client), &self.placed.policy);
        // What has dropped out keeps its place in the batch, as a look that refuses nothing.
        let cost = if self.is_decided() { self.cost } else { 0 };
        let hit = hit.cost(cost).shadow(self.shadow).reserved(self.reserved);
        match self.only_after {
            Some(limit) => hit.only_after(limit),
            None => hit,
        }
    }

    /// Whether its count is where the limiter keeps counts, and not in the memory that stood in for that.
    pub(crate) fn is_kept_by_storage(&self) -> bool {
        self.decided_by.get() == DecidedBy::Storage
    }

    /// Whether anything has decided it, or it dropped out since the storage failed.
    pub(crate) fn is_decided(&self) -> bool {
        self.decided_by.get() != DecidedBy::Nobody
    }

    /// Whether it refuses nothing.
    pub(crate) fn is_shadow(&self) -> bool {
        self.shadow
    }

    /// Whether its limit is in shadow, and let a request pass that it would have refused.
    pub(crate) fn would_have_refused(&self) -> bool {
        self.placed.limit.shadow && self.window.is_some_and(|window| !window.is_allowed())
    }

    /// Whether a function of the response says that it was not due.
    pub(crate) fn is_not_due(&self, response: &ResponseHead) -> bool {
        self.placed.limit.deduct_when.as_ref().is_some_and(|deduct| !deduct(response))
    }

    /// Makes it refuse nothing: the request has been answered.
    pub(crate) fn take_without_refusal(&mut self) {
        self.shadow = true;
    }

    /// Whether it made its request refused.
    pub(crate) fn refuses(&self, window: &Window) -> bool {
        !window.is_allowed() && !self.shadow
    }

    /// Shows the window as it is after the cost was given back.
    pub(crate) fn show_given_back(&mut self) {
        self.window = self.window_given_back();
    }

    /// How the limit stands after the cost was given back.
    pub(crate) fn window_given_back(&self) -> Option<Window> {
        // A limit in shadow may not have taken it.
        self.window.map(|window| if window.is_allowed() { window.refunded(self.cost) } else { window })
    }

    /// Whether it comes back when the request is dropped before its answer.
    pub(crate) fn comes_back_dropped(&self) -> bool {
        self.placed.limit.refund_on_drop
    }

    /// Whether anything was taken.
    pub(crate) fn is_taken(&self) -> bool {
        self.window.is_some_and(|window| window.is_allowed())
    }

    /// The hit to give back; none when nothing was taken.
    pub(crate) fn taken<'a>(&'a self, client: &'a Key) -> Option<Refund<'a>> {
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
pub(crate) fn any_failed(charges: &[Charge], client: &Key) -> bool {
    let failed = charges.iter().any(|charge| charge.key(client).is_failed());
    if failed {
        tracing::error!(
            code = "L014",
            "a function could not tell who is counted; the request is answered 500"
        );
    }
    failed
}
