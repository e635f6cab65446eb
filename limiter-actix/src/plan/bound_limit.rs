//! Limits bound to a level and scope.

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_web::{dev::ServiceRequest, http::header::HeaderValue, web::Bytes};
use limiter_core::{
    BanRule, Key, Leases, Policy, Quota, Scope, Strategy, TimeZone, Window,
    log::{Permit, Throttle, event, shown},
};

use crate::{
    CurrentLimit, Limit,
    limit::{
        callback::{KeyFn, Text},
        quota_source::Source,
    },
    report::{current::LimitOutcome, policy_name::to_printable_ascii, route_limits::LimitOrigin},
    settings::{
        Settings,
        backend::Backend,
        bound_names::{BoundNames, NamedBinding},
        known_limits::KnownLimits,
        leases::check_leases,
    },
    telemetry::{LimitMetrics, Lines, Telemetry},
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
    text: OnceCell<Arc<str>>,
    /// The name in headers, made at its first use.
    policy_name: OnceCell<Arc<str>>,
    /// The amount of the quota as the value of a header, made at its first use.
    amount: OnceCell<HeaderValue>,
    /// The last end of a window in a header, and its value once it was needed again.
    last_reset: RefCell<(u64, Option<HeaderValue>)>,
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

/// Binds a limit to its slot once its quota is known.
#[derive(Clone)]
pub(super) struct LimitBinder {
    pub(super) limit: Rc<Limit>,
    pub(super) slot: LimitSlot,
    /// The limiter's key, if it is async.
    pub(super) async_key: Option<KeyFn>,
    /// The strategy of limits without one.
    pub(super) strategy: Strategy,
    pub(super) time_zone: TimeZone,
    pub(super) lease: Duration,
    /// Set if units may be charged ahead of need.
    pub(super) hot_leases: Option<Leases>,
    pub(super) known: Arc<KnownLimits>,
    pub(super) bound_names: Arc<BoundNames>,
    pub(super) storage: Backend,
    pub(super) telemetry: Arc<Telemetry>,
}

impl LimitBinder {
    pub(super) fn bind(&self, quota: Quota) -> BoundLimit {
        let LimitSlot { tier, scope, origin, is_local, .. } = &self.slot;
        let policy = self.policy(quota);
        self.log_issues(quota, &policy);
        let is_unsupported = policy.is_concurrent() && self.storage.check(&policy).is_err();
        if self.limit.shared.as_ref().is_none_or(Text::is_fixed) {
            self.known.add(scope, &policy);
            if *is_local && matches!(self.limit.source, Source::Dynamic(_)) {
                self.bound_names.add(scope, &policy, NamedBinding::of(&self.limit).as_ref());
            }
        } else {
            self.known.add_unknown();
        }
        BoundLimit {
            options: Rc::clone(&self.limit),
            tier: *tier,
            policy,
            scope: scope.clone(),
            origin: origin.clone(),
            meta: self.meta(),
            is_unsupported,
            ban: None,
            is_local: *is_local,
            is_reported_unsatisfiable: Cell::new(false),
            text: OnceCell::new(),
            policy_name: OnceCell::new(),
            amount: OnceCell::new(),
            last_reset: RefCell::default(),
            problem: OnceCell::new(),
            plain_cost: self.limit.plain_cost().filter(|_| self.async_key.is_none()),
            async_key: self.async_key.clone(),
            metrics: LimitMetrics::default(),
        }
    }

    /// Logs options without an effect. As for [`policy`](Self::policy), the builder rejects them.
    fn log_issues(&self, quota: Quota, policy: &Policy) {
        let leases = || check_leases(&self.limit, policy).err().map(|it| it.to_string());
        let combined = self.limit.concurrent_issue(quota).or_else(leases);
        for issue in self.limit.issues.iter().chain(&combined) {
            event!(
                self.permit(|lines| &lines.unsupported),
                ERROR,
                error = shown(issue),
                limit = shown(quota),
                place = self.slot.origin.place(),
                "ignoring an invalid option of a limit"
            );
        }
    }

    /// Returns the policy, or the closest valid one if a burst or a strategy is not supported.
    ///
    /// The builder rejects such limits, but limits of attributes get here unchecked.
    fn policy(&self, quota: Quota) -> Policy {
        let place = self.slot.origin.place();
        let plain = self.plain_policy(quota, self.limit.strategy_of(quota, self.strategy));
        let policy = match self.limit.burst.map(|burst| plain.clone().with_burst(burst)) {
            None => plain,
            Some(Ok(policy)) => policy,
            Some(Err(error)) => {
                event!(
                    self.permit(|lines| &lines.unsupported),
                    ERROR,
                    error = shown(&error),
                    limit = shown(quota),
                    place = place,
                    "ignoring `burst`: it requires the token-bucket strategy"
                );
                plain
            }
        };
        match policy.check().and_then(|()| self.storage.check(&policy)) {
            Ok(()) => policy,
            Err(error) if policy.is_concurrent() => {
                event!(
                    self.permit(|lines| &lines.unsupported),
                    ERROR,
                    error = shown(&error),
                    limit = shown(quota),
                    place = place,
                    "ignoring a limit of concurrent requests: the storage does not support it"
                );
                policy
            }
            Err(error) => {
                event!(
                    self.permit(|lines| &lines.unsupported),
                    ERROR,
                    error = shown(&error),
                    limit = shown(quota),
                    place = place,
                    "unsupported strategy for this limit: counting it by `sliding-window-counter`, or by \
                     `fixed-window` if its windows end by the calendar"
                );
                let is_calendar = quota.unit().is_calendar();
                let strategy =
                    if is_calendar { Strategy::FixedWindow } else { Strategy::SlidingWindowCounter };
                self.plain_policy(quota, strategy)
            }
        }
    }

    fn plain_policy(&self, quota: Quota, strategy: Strategy) -> Policy {
        let policy = Policy::new(quota, strategy).with_label(self.slot.label.as_str());
        let policy = policy.with_time_zone(self.time_zone).with_keep_used(self.limit.keep_used);
        let policy = policy.with_metered(self.limit.metered).with_leases(self.hot_leases);
        self.storage.with_lease(policy, self.lease)
    }

    /// Permits a log event. Bound limits do not know the time of the request.
    pub(super) fn permit(&self, line: impl FnOnce(&Lines) -> &Throttle) -> Option<Permit> {
        line(&self.telemetry.lines).permit_now()
    }

    /// Returns a binder for one of several quotas, so that equal ones do not share a count.
    pub(super) fn numbered(&self, ordinal: usize) -> Self {
        let label = format!("{}:{ordinal}", self.slot.label);
        Self { slot: LimitSlot { label, ..self.slot.clone() }, ..self.clone() }
    }

    /// Binds the meta limits of a limit. They count the same clients in the same scope.
    fn meta(&self) -> Box<[Rc<BoundLimit>]> {
        let limits = self.limit.meta.iter().enumerate().map(|(ordinal, quota)| {
            let label = format!("meta {ordinal} of {}", self.slot.label);
            Rc::new(self.bind_meta(Limit::new(*quota), *quota, label))
        });
        limits.chain(self.breaches().map(Rc::new)).collect()
    }

    fn bind_meta(&self, mut meta: Limit, quota: Quota, label: String) -> BoundLimit {
        meta.key.clone_from(&self.limit.key);
        meta.shared.clone_from(&self.limit.shared);
        meta.on_storage_failure = self.limit.on_storage_failure;
        let strategy = meta.strategy.unwrap_or(self.strategy);
        let slot = LimitSlot { tier: Tier::Meta, label, ..self.slot.clone() };
        Self { limit: Rc::new(meta), slot, strategy, ..self.clone() }.bind(quota)
    }

    /// Binds the count of breaches of a limit that bans. It refuses nothing.
    fn breaches(&self) -> Option<BoundLimit> {
        let rule = self.limit.ban?;
        let quota = rule.breaches();
        if !self.storage.storage().has_notes() {
            event!(
                self.permit(|lines| &lines.unsupported),
                ERROR,
                limit = shown(rule),
                place = self.slot.origin.place(),
                "ignoring `ban`: the storage keeps no bans"
            );
            return None;
        }
        let count = Limit::new(quota).shadow(true).strategy(Strategy::FixedWindow);
        let label = format!("bans of {}", self.slot.label);
        Some(BoundLimit { ban: Some(rule), ..self.bind_meta(count, quota, label) })
    }
}

impl BoundLimit {
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
