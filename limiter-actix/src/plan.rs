//! What applies to one route.

pub(crate) mod applicable;
pub(crate) mod bound_limit;
mod dynamic;
pub(crate) mod key;
mod resolve;

use std::{borrow::Cow, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;
use smallvec::{SmallVec, smallvec};

use self::{
    applicable::{Applicable, ResolvedLimits},
    bound_limit::{BoundLimit, LimitBinder, LimitSlot},
    dynamic::DynamicLimit,
    resolve::{Level, LevelLimits, resolve},
};
use crate::{Exempt, Limit, limit::quota_source::Source, settings::Settings};

/// What applies to one route and method: all that is declared for it, and, where no function of the request
/// has a say, what comes of that.
pub(crate) struct Plan {
    meta: Box<[DeclaredLimit]>,
    application: Box<[DeclaredLimit]>,
    levels: Box<[PlannedLevel]>,
    /// What holds in place of limits that would be decided in memory since the storage failed.
    outage_limits: Box<[DeclaredLimit]>,
    fixed: Option<Applicable>,
}

/// What is declared at one level for this route and method.
pub(crate) struct PlannedLevel {
    pub(crate) exempt: Exempt,
    pub(crate) limits: Box<[DeclaredLimit]>,
}

/// A limit that is declared at a place.
pub(crate) enum DeclaredLimit {
    Fixed(Rc<BoundLimit>),
    /// A function of the request tells its quotas.
    Dynamic(Box<DynamicLimit>),
}

impl Plan {
    pub(crate) fn new(
        meta: Vec<DeclaredLimit>,
        application: Vec<DeclaredLimit>,
        levels: Vec<PlannedLevel>,
    ) -> Self {
        let mut plan = Self {
            meta: meta.into(),
            application: application.into(),
            levels: levels.into(),
            outage_limits: Box::default(),
            fixed: None,
        };
        if plan.all_declared().all(|declared| matches!(declared, DeclaredLimit::Fixed(_))) {
            plan.fixed = Some(plan.resolve(DeclaredLimit::fixed));
        }
        plan
    }

    /// What applies to this request.
    pub(crate) fn applicable(&self, req: &ServiceRequest) -> Cow<'_, Applicable> {
        match &self.fixed {
            Some(fixed) => Cow::Borrowed(fixed),
            None => Cow::Owned(self.resolve(|declared| declared.of(req))),
        }
    }

    /// Sets what holds in place of limits that would be decided in memory since the storage failed.
    pub(crate) fn with_outage_limits(mut self, limits: Vec<DeclaredLimit>) -> Self {
        self.outage_limits = limits.into();
        self
    }

    /// What holds in place of limits that would be decided in memory; none when a function could not tell.
    pub(crate) fn outage_limits(&self, req: &ServiceRequest) -> Option<SmallVec<[Rc<BoundLimit>; 2]>> {
        let found: ResolvedLimits = self.outage_limits.iter().map(|declared| declared.of(req)).collect();
        (!found.callback_failed).then_some(found.limits)
    }

    fn resolve(&self, of: impl Fn(&DeclaredLimit) -> ResolvedLimits) -> Applicable {
        let levels: SmallVec<[ResolvedLimits; 4]> =
            self.levels.iter().map(|level| level.limits.iter().map(&of).collect()).collect();
        let declared: SmallVec<[Level; 4]> =
            self.levels.iter().zip(&levels).map(|(level, found)| level.level(found)).collect();
        let applies = resolve(&declared);

        let mut applicable = Applicable::default();
        if applies.meta {
            let meta: ResolvedLimits = self.meta.iter().map(&of).collect();
            applicable.callback_failed |= meta.callback_failed;
            applicable.meta = meta.limits;
        }
        if applies.application {
            applicable.add(self.application.iter().map(&of).collect());
        }
        for (found, _) in levels.into_iter().zip(applies.levels).filter(|(_, applies)| *applies) {
            applicable.add(found);
        }
        applicable
    }

    /// All limits that are declared, wherever.
    fn all_declared(&self) -> impl Iterator<Item = &DeclaredLimit> {
        self.meta.iter().chain(&self.application).chain(self.levels.iter().flat_map(|level| &level.limits))
    }
}

impl PlannedLevel {
    fn level(&self, found: &ResolvedLimits) -> Level {
        let limits = found.limits.iter().map(|limit| &limit.options);
        let overrides = limits.clone().any(|limit| limit.override_defaults && !limit.shadow);
        let is_overriding = found.callback_failed || (overrides && !found.is_invalid);
        let limits = if found.limits.is_empty() && !found.callback_failed {
            LevelLimits::Nothing
        } else if is_overriding {
            LevelLimits::Overriding
        } else if limits.clone().all(|limit| limit.shadow) {
            LevelLimits::Watching
        } else {
            LevelLimits::Adding
        };
        Level { exempt: self.exempt, limits }
    }
}

impl DeclaredLimit {
    /// Puts a limit at its place.
    pub(crate) fn new(limit: &Limit, slot: LimitSlot, settings: &Settings) -> Self {
        let binder = LimitBinder {
            strategy: limit.strategy.unwrap_or(settings.strategy),
            limit: Rc::new(limit.clone()),
            slot,
            known: Arc::clone(&settings.known),
            storage: settings.storage.clone(),
        };
        match &limit.source {
            Source::Fixed(quota) => Self::Fixed(Rc::new(binder.bind(*quota))),
            Source::Dynamic(function) => Self::Dynamic(Box::new(DynamicLimit::new(function, binder))),
        }
    }

    /// The limits this comes to for a request.
    pub(crate) fn of(&self, req: &ServiceRequest) -> ResolvedLimits {
        match self {
            Self::Fixed(_) => self.fixed(),
            Self::Dynamic(limit) => limit.of(req),
        }
    }

    /// The limits this comes to for any request.
    fn fixed(&self) -> ResolvedLimits {
        let limits = match self {
            Self::Fixed(limit) => smallvec![Rc::clone(limit)],
            Self::Dynamic(_) => smallvec![],
        };
        ResolvedLimits { limits, ..ResolvedLimits::default() }
    }
}
