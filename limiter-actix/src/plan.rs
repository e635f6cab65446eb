//! The limits that apply to one route.

pub(crate) mod applicable;
mod async_functions;
pub(crate) mod bound_limit;
pub(crate) mod dynamic;
pub(crate) mod field_texts;
pub(crate) mod key;
mod limit_binder;
pub(crate) mod listing;
mod resolve;

use std::{borrow::Cow, cell::OnceCell, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;
use smallvec::smallvec;

use self::{
    applicable::{Applicable, BoundLimits, ResolvedLimits},
    bound_limit::{BoundLimit, LimitSlot},
    dynamic::DynamicLimit,
    field_texts::FieldTexts,
    limit_binder::LimitBinder,
    resolve::{Level, resolve},
};
use crate::{
    Exempt, Limit,
    limit::quota_source::Source,
    settings::{Settings, bound_names::BoundNames},
};

/// All limits declared for one route and method.
pub(crate) struct Plan {
    meta: Box<[DeclaredLimit]>,
    application: Box<[DeclaredLimit]>,
    levels: Box<[PlannedLevel]>,
    /// The limits that replace those decided in memory while the storage fails.
    outage_limits: Box<[DeclaredLimit]>,
    /// The limits that apply to every request, if no function of the request decides that.
    fixed: Option<Applicable>,
    is_plain: bool,
    /// Set if async functions are to be called first.
    has_async: bool,
    /// Set if some windows end by the calendar, so that their lengths differ.
    pub(crate) has_calendar: bool,
    /// For headers of a plain plan, made at their first use.
    pub(crate) field_texts: OnceCell<Option<FieldTexts>>,
}

/// The limits and exemptions declared at one level for this route and method.
pub(crate) struct PlannedLevel {
    pub(crate) exempt: Exempt,
    pub(crate) limits: Box<[DeclaredLimit]>,
}

/// A limit declared at one place.
pub(crate) enum DeclaredLimit {
    Fixed(Rc<BoundLimit>),
    /// A function of the request returns its quotas.
    Dynamic(Box<DynamicLimit>),
}

impl Plan {
    pub(crate) fn new(
        meta: Vec<DeclaredLimit>,
        application: Vec<DeclaredLimit>,
        levels: Vec<PlannedLevel>,
        settings: &Settings,
    ) -> Self {
        let mut plan = Self {
            meta: meta.into(),
            application: application.into(),
            levels: levels.into(),
            outage_limits: Box::default(),
            fixed: None,
            is_plain: false,
            has_async: false,
            has_calendar: false,
            field_texts: OnceCell::new(),
        };
        plan.has_async = plan.find_async(settings);
        if plan.all_declared().all(DeclaredLimit::is_fixed) {
            let fixed = plan.resolve(&DeclaredLimit::fixed);
            plan.is_plain = fixed.meta.is_empty() && fixed.limits.iter().all(|limit| limit.is_plain());
            plan.has_calendar = fixed.limits.iter().any(|limit| limit.policy.quota().unit().is_calendar());
            plan.fixed = Some(fixed);
        }
        plan
    }

    /// Returns the most limits that the plan may come to hold. A dynamic limit remembers one for each of its quotas.
    pub(crate) fn size(&self) -> usize {
        let size = |declared: &DeclaredLimit| match declared {
            DeclaredLimit::Fixed(_) => 1,
            DeclaredLimit::Dynamic(_) => dynamic::MAX_REMEMBERED,
        };
        self.all_declared().chain(&self.outage_limits).map(size).sum()
    }

    /// Returns whether no function of the request and no response changes what a request is charged for, and no meta
    /// limit applies. Then [`plain_limits`](Self::plain_limits) has all limits.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Returns the limits of a plain plan.
    #[inline]
    pub(crate) fn plain_limits(&self) -> &[Rc<BoundLimit>] {
        self.fixed.as_ref().map_or(&[], |fixed| &fixed.limits)
    }

    /// Returns whether an exemption lifts all levels of limits, so that nobody is banned here.
    pub(crate) fn is_exempt(&self) -> bool {
        self.levels.iter().any(|level| level.exempt.contains(Exempt::ALL))
    }

    /// Adds the limits that apply to those that code hits by name. Dynamic limits add themselves once they are bound.
    pub(crate) fn add_names(&self, names: &BoundNames) {
        match &self.fixed {
            Some(fixed) => fixed.meta.iter().chain(&fixed.limits).for_each(|limit| limit.add_name(names)),
            None => {
                for declared in self.all_declared() {
                    if let DeclaredLimit::Fixed(limit) = declared {
                        limit.add_name(names);
                    }
                }
            }
        }
    }

    /// Returns the limits that apply to a request.
    pub(crate) fn applicable(&self, req: &ServiceRequest) -> Cow<'_, Applicable> {
        match &self.fixed {
            Some(fixed) => Cow::Borrowed(fixed),
            None => Cow::Owned(self.resolve(&|declared| declared.of(req))),
        }
    }

    /// Sets the limits that replace those decided in memory while the storage fails.
    pub(crate) fn with_outage_limits(mut self, limits: Vec<DeclaredLimit>) -> Self {
        self.outage_limits = limits.into();
        self
    }

    /// Returns the limits that replace those decided in memory, or `None` if a function failed.
    pub(crate) fn outage_limits(&self, req: &ServiceRequest) -> Option<BoundLimits> {
        let resolved: ResolvedLimits = self.outage_limits.iter().map(|declared| declared.of(req)).collect();
        (!resolved.callback_failed).then_some(resolved.limits)
    }

    /// Resolves all declared limits by `of`, and keeps those that apply.
    fn resolve(&self, of: &dyn Fn(&DeclaredLimit) -> ResolvedLimits) -> Applicable {
        let levels: Vec<ResolvedLimits> =
            self.levels.iter().map(|level| level.limits.iter().map(of).collect()).collect();
        let declared: Vec<Level> =
            self.levels.iter().zip(&levels).map(|(level, resolved)| level.level(resolved)).collect();
        let applies = resolve(&declared);

        let mut applicable = Applicable::default();
        if applies.meta {
            applicable.add_meta(self.meta.iter().map(of).collect());
        }
        if applies.application {
            applicable.add(self.application.iter().map(of).collect());
        }
        for (resolved, _) in levels.into_iter().zip(applies.levels).filter(|(_, applies)| *applies) {
            applicable.add(resolved);
        }
        applicable
    }

    /// Returns the declared limits of all levels.
    fn all_declared(&self) -> impl Iterator<Item = &DeclaredLimit> {
        self.meta.iter().chain(&self.application).chain(self.levels.iter().flat_map(|level| &level.limits))
    }
}

impl PlannedLevel {
    fn level(&self, resolved: &ResolvedLimits) -> Level {
        Level { exempt: self.exempt, limits: resolved.effect() }
    }
}

impl DeclaredLimit {
    /// Binds a limit to its slot, as far as its quotas are known.
    pub(crate) fn new(limit: &Limit, slot: LimitSlot, settings: &Settings) -> Self {
        let binder = LimitBinder {
            async_key: settings.key.clone().filter(|_| settings.async_key.is_some()),
            strategy: limit.strategy.unwrap_or(settings.strategy),
            time_zone: settings.time_zone,
            lease: settings.lease,
            hot_leases: settings.leases_of(limit),
            limit: Rc::new(limit.clone()),
            slot,
            known: Arc::clone(&settings.known),
            bound_names: Arc::clone(&settings.bound_names),
            storage: settings.storage.clone(),
            telemetry: Arc::clone(&settings.telemetry),
        };
        match &limit.source {
            Source::Fixed(quota) => Self::Fixed(Rc::new(binder.bind(*quota))),
            Source::Dynamic(function) => Self::Dynamic(Box::new(DynamicLimit::new(function, binder))),
        }
    }

    /// Returns the limits for a request.
    pub(crate) fn of(&self, req: &ServiceRequest) -> ResolvedLimits {
        let options = self.options();
        if !options.async_functions.is_empty() && !options.has_answers(req) {
            // A limit in shadow decides nothing for others, so it does not by failing either.
            return ResolvedLimits { is_invalid: !options.shadow, ..ResolvedLimits::default() };
        }
        match self {
            Self::Fixed(_) => self.fixed(),
            Self::Dynamic(limit) => limit.of(req),
        }
    }

    /// Returns whether the limit is the same for all requests.
    fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(limit) if limit.options.async_functions.is_empty())
    }

    pub(crate) fn options(&self) -> &Rc<Limit> {
        match self {
            Self::Fixed(limit) => &limit.options,
            Self::Dynamic(limit) => limit.options(),
        }
    }

    /// Returns the limits for every request, if they are fixed.
    fn fixed(&self) -> ResolvedLimits {
        let limits = match self {
            Self::Fixed(limit) => smallvec![Rc::clone(limit)],
            Self::Dynamic(_) => smallvec![],
        };
        ResolvedLimits { limits, ..ResolvedLimits::default() }
    }
}
