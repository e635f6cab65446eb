//! Limits bound to a level and scope.

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::Arc,
};

use actix_web::{dev::ServiceRequest, http::header::HeaderValue, web::Bytes};
use limiter_core::{BanRule, Key, Policy, Scope, Window};

use crate::{
    CurrentLimit, Limit,
    limit::{
        callback::{KeyFn, Text},
        quota_source::Source,
    },
    report::{current::LimitOutcome, policy_name::to_printable_ascii, route_limits::LimitOrigin},
    settings::{
        Settings,
        bound_names::{BoundNames, NamedBinding},
    },
    telemetry::LimitMetrics,
};

/// A limit bound to a level and scope, ready to be hit.
pub(crate) struct BoundLimit {
    pub(crate) options: Rc<Limit>,
    pub(crate) tier: Tier,
    pub(crate) policy: Policy,
    /// The scope that shares the count. A function of the request may add a name to it.
    pub(crate) scope: Scope,
    /// The place of the declaration, for lists.
    pub(crate) origin: LimitOrigin,
    /// The meta limits of this limit, and the count of its breaches if it has a rule that bans.
    pub(crate) meta: Box<[Rc<Self>]>,
    /// Set if the storage counts no concurrent requests, and the limit is one of these. It does not apply.
    pub(crate) is_unsupported: bool,
    /// Set for a count of breaches: the rule that bans.
    pub(crate) ban: Option<BanRule>,
    /// `false` if a limiter further in decides the limit.
    pub(super) is_local: bool,
    /// Set once a request that costs more than the whole limit is logged.
    pub(crate) is_reported_unsatisfiable: Cell<bool>,
    /// The quota as text, formatted at its first use.
    pub(super) text: OnceCell<Arc<str>>,
    /// The name in headers, made at its first use.
    pub(super) policy_name: OnceCell<Arc<str>>,
    /// The amount of the quota as the value of a header, made at its first use.
    pub(super) amount: OnceCell<HeaderValue>,
    /// The last end of a window in a header, and its value once it was needed again.
    pub(super) last_reset: RefCell<(u64, Option<HeaderValue>)>,
    /// The JSON of a refusal by this limit alone, made at its first use.
    pub(crate) problem: OnceCell<Bytes>,
    /// The limiter's key if it is async. It is called for limits without a key of their own.
    pub(crate) async_key: Option<KeyFn>,
    /// The cost of every request, if no function of the request decides about the charge.
    pub(crate) plain_cost: Option<u64>,
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    pub(crate) metrics: LimitMetrics,
}

/// The place that a limit is bound to.
#[derive(Clone)]
pub(crate) struct LimitSlot {
    pub(crate) tier: Tier,
    pub(crate) scope: Scope,
    /// Distinguishes the limit from equal ones of the same scope.
    pub(crate) label: String,
    pub(crate) origin: LimitOrigin,
    /// `false` if a limiter further in decides the limit.
    pub(crate) is_local: bool,
}

/// The level at which a limit is declared, the outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    Meta,
    Application,
    Default,
    /// A scope. The outermost has the lowest number.
    Scope(usize),
    Route,
}

/// The name of dynamic limits in metrics.
const DYNAMIC: &str = "dynamic";

impl Tier {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Application => "application",
            Self::Default => "default",
            Self::Scope(_) => "scope",
            Self::Route => "route",
        }
    }
}

impl BoundLimit {
    /// Binds a limit to a slot.
    pub(super) fn new(limit: &Rc<Limit>, slot: &LimitSlot, policy: Policy, async_key: Option<KeyFn>) -> Self {
        Self {
            options: Rc::clone(limit),
            tier: slot.tier,
            policy,
            scope: slot.scope.clone(),
            origin: slot.origin.clone(),
            meta: Box::default(),
            is_unsupported: false,
            ban: None,
            is_local: slot.is_local,
            is_reported_unsatisfiable: Cell::new(false),
            text: OnceCell::new(),
            policy_name: OnceCell::new(),
            amount: OnceCell::new(),
            last_reset: RefCell::default(),
            problem: OnceCell::new(),
            plain_cost: limit.plain_cost().filter(|_| async_key.is_none()),
            async_key,
            metrics: LimitMetrics::default(),
        }
    }

    /// Adds the limit to those that code hits by name, if it has one.
    pub(super) fn add_name(&self, names: &BoundNames) {
        if self.options.shared.as_ref().is_none_or(Text::is_fixed) {
            names.add(&self.scope, &self.policy, NamedBinding::of(&self.options).as_ref());
        }
    }

    /// Returns the scope that shares the count, if a function of the request names it.
    pub(crate) fn dynamic_scope(&self, req: &ServiceRequest) -> Option<Scope> {
        match &self.options.shared {
            Some(Text::With(name)) => Some(Scope::new(self.scope.parts().chain([name(req).as_str()]))),
            _ => None,
        }
    }

    /// Returns whether it counts and refuses each request in the same way, whatever the response.
    pub(super) fn is_plain(&self) -> bool {
        let Limit { shadow, deduct_when, refund_on_drop, metered, .. } = &*self.options;
        self.plain_cost.is_some()
            && self.meta.is_empty()
            && !self.policy.is_concurrent()
            && !shadow
            && deduct_when.is_none()
            && !refund_on_drop
            && !metered
    }

    /// Returns the part of an estimate that a request can reserve: at most the whole limit.
    pub(crate) fn most_reserved(&self, cost: u64) -> u64 {
        cost.min(self.policy.capacity().max(1))
    }

    /// Returns whether the text of a refusal is the same for all requests.
    pub(crate) fn has_fixed_message(&self) -> bool {
        self.options.message.as_ref().is_none_or(Text::is_fixed)
    }

    /// Returns the quota as text.
    pub(crate) fn text(&self) -> Arc<str> {
        Arc::clone(self.text.get_or_init(|| self.policy.to_string().into()))
    }

    /// Returns the name in headers: the limit's name, or else its quota, in printable ASCII.
    pub(crate) fn policy_name(&self) -> Arc<str> {
        let name = self.policy_name.get_or_init(|| match &self.options.name {
            Some(name) => to_printable_ascii(name),
            None => self.text(),
        });
        Arc::clone(name)
    }

    /// Returns the amount of the quota as the value of a header.
    pub(crate) fn amount(&self) -> HeaderValue {
        self.amount.get_or_init(|| self.policy.quota().amount().into()).clone()
    }

    /// Returns the end of a window as the value of a header, which `make` makes. Most requests need the same end as the
    /// one before.
    pub(crate) fn reset(&self, seconds: u64, make: impl FnOnce(u64) -> HeaderValue) -> HeaderValue {
        let mut last = self.last_reset.borrow_mut();
        if last.0 != seconds {
            *last = (seconds, None);
            return make(seconds);
        }
        last.1.get_or_insert_with(|| make(seconds)).clone()
    }

    /// Returns the limit as the application sees it.
    pub(crate) fn report(
        &self,
        key: &Key,
        window: Window,
        outcome: LimitOutcome,
        settings: &Settings,
    ) -> CurrentLimit {
        let quota = self.policy.quota();
        let window_seconds = if quota.unit().is_calendar() {
            self.policy.window_seconds_at(settings.clock.now())
        } else {
            quota.window_seconds()
        };
        CurrentLimit {
            quota,
            window_seconds,
            name: self.options.name.clone(),
            policy_name: self.policy_name(),
            window,
            outcome,
            is_shadow: self.options.shadow,
            partition: settings.headers.partition(key),
        }
    }

    /// Returns the name of the limit in metrics. It never contains text from a request.
    pub(crate) fn metric_label(&self) -> Arc<str> {
        let options = &self.options;
        match (&options.name, &options.shared, &options.source) {
            (Some(name), _, _) | (None, Some(Text::Fixed(name)), _) => Arc::clone(name),
            (_, _, Source::Dynamic(_)) => DYNAMIC.into(),
            (_, _, Source::Fixed(_)) => format!("{} {}", self.tier.label(), self.text()).into(),
        }
    }

    /// Returns whether both limits have the same count for the same key, and the same amount, so that a request is charged
    /// for one of them only. They may differ in whether the count is leased.
    pub(crate) fn shares_count_with(&self, other: &Self) -> bool {
        let (policy, others) = (&self.policy, &other.policy);
        policy.id() == others.id()
            && policy.quota().amount() == others.quota().amount()
            && self.scope == other.scope
    }
}
