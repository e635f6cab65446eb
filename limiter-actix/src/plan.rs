//! What applies to one route.

use std::{cell::Cell, fmt, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;
use limiter_core::{Policy, PolicyError, Quota, Scope, Strategy};
use smallvec::{SmallVec, smallvec};

use crate::{
    Exempt, Limit,
    limit::{QuotasFn, Source, Text},
    resolve::{Declared as Declares, Level, resolve},
};

/// What applies to one route and method: all that is declared for it, and, where no function of the request
/// has a say, what comes of that.
pub(crate) struct Plan {
    pub(crate) meta: Box<[Declared]>,
    pub(crate) application: Box<[Declared]>,
    pub(crate) levels: Box<[PlannedLevel]>,
    settled: Option<Applicable>,
}

/// What is declared at one level for this route and method.
pub(crate) struct PlannedLevel {
    pub(crate) exempt: Exempt,
    pub(crate) limits: Box<[Declared]>,
}

/// A limit that is declared at a place.
pub(crate) enum Declared {
    Fixed(Rc<Placed>),
    /// A function of the request tells its quotas.
    Told(Told),
}

/// The limits of one request.
#[derive(Clone, Default)]
pub(crate) struct Applicable {
    pub(crate) meta: SmallVec<[Rc<Placed>; 2]>,
    /// Application limits first, then those of the levels from the outermost on.
    pub(crate) limits: SmallVec<[Rc<Placed>; 4]>,
}

/// A limit at its place, with everything a storage must know of it.
pub(crate) struct Placed {
    pub(crate) limit: Rc<Limit>,
    pub(crate) tier: Tier,
    pub(crate) policy: Policy,
    /// What shares the count; a function of the request may add a name to it.
    pub(crate) scope: Scope,
    /// Its own meta limits: how often it may be breached.
    pub(crate) meta: Box<[Rc<Self>]>,
    /// Whether this limiter decides the limit, or another one further in.
    ours: bool,
    pub(crate) said_it_never_passes: Cell<bool>,
}

/// A limit at its place, whose quotas a function of the request tells.
pub(crate) struct Told {
    function: QuotasFn,
    limit: Rc<Limit>,
    place: Place,
    strategy: Strategy,
}

/// Where a limit stands.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) tier: Tier,
    pub(crate) scope: Scope,
    /// Tells the limit apart from equal ones of the same scope.
    pub(crate) label: String,
    /// Whether this limiter decides the limit, or another one further in.
    pub(crate) ours: bool,
}

/// Where a limit is declared, from the outermost on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    Meta,
    Application,
    Default,
    /// A scope; the outermost has the lowest number.
    Scope(usize),
    Route,
}

impl Plan {
    pub(crate) fn new(meta: Vec<Declared>, application: Vec<Declared>, levels: Vec<PlannedLevel>) -> Self {
        let mut plan =
            Self { meta: meta.into(), application: application.into(), levels: levels.into(), settled: None };
        if plan.all_declared().all(|declared| matches!(declared, Declared::Fixed(_))) {
            plan.settled = Some(plan.settle(|declared| match declared {
                Declared::Fixed(placed) => smallvec![Rc::clone(placed)],
                Declared::Told(_) => smallvec![],
            }));
        }
        plan
    }

    /// What applies to this request.
    pub(crate) fn applicable(&self, req: &ServiceRequest) -> Applicable {
        match &self.settled {
            Some(settled) => settled.clone(),
            None => self.settle(|declared| declared.of(req)),
        }
    }

    fn settle(&self, of: impl Fn(&Declared) -> SmallVec<[Rc<Placed>; 2]>) -> Applicable {
        let levels: SmallVec<[SmallVec<[Rc<Placed>; 2]>; 4]> =
            self.levels.iter().map(|level| level.limits.iter().flat_map(&of).collect()).collect();
        let declared: SmallVec<[Level; 4]> =
            self.levels.iter().zip(&levels).map(|(level, limits)| level.declares(limits)).collect();
        let applies = resolve(&declared);

        let mut applicable = Applicable::default();
        if applies.meta {
            applicable.meta.extend(self.meta.iter().flat_map(&of));
        }
        if applies.application {
            applicable.limits.extend(self.application.iter().flat_map(&of));
        }
        for (limits, _) in levels.into_iter().zip(applies.levels).filter(|(_, applies)| *applies) {
            applicable.limits.extend(limits.into_iter().filter(|placed| placed.ours));
        }
        applicable
    }

    fn all_declared(&self) -> impl Iterator<Item = &Declared> {
        self.meta.iter().chain(&self.application).chain(self.levels.iter().flat_map(|level| &level.limits))
    }
}

impl PlannedLevel {
    fn declares(&self, limits: &[Rc<Placed>]) -> Level {
        let limits = match limits {
            [] => Declares::Nothing,
            some if some.iter().any(|placed| placed.limit.override_defaults) => Declares::Overriding,
            _ => Declares::Adding,
        };
        Level { exempt: self.exempt, limits }
    }
}

impl Declared {
    /// Puts a limit at its place.
    pub(crate) fn new(limit: &Limit, place: Place, strategy: Strategy) -> Result<Self, PolicyError> {
        let strategy = limit.strategy.unwrap_or(strategy);
        let limit = Rc::new(limit.clone());
        Ok(match &limit.source {
            Source::Fixed(quota) => Self::Fixed(Rc::new(Placed::new(&limit, &place, strategy, *quota)?)),
            Source::Dynamic(function) => {
                let function = Arc::clone(function);
                Self::Told(Told { function, limit, place, strategy })
            }
        })
    }

    /// The limits this comes to for a request.
    pub(crate) fn of(&self, req: &ServiceRequest) -> SmallVec<[Rc<Placed>; 2]> {
        match self {
            Self::Fixed(placed) => smallvec![Rc::clone(placed)],
            Self::Told(told) => told.of(req),
        }
    }
}

impl Told {
    /// None when the function says so, or when it says what cannot be: then the limits further out hold.
    fn of(&self, req: &ServiceRequest) -> SmallVec<[Rc<Placed>; 2]> {
        let quotas = (self.function)(req).unwrap_or_else(|error| {
            self.complain(&error);
            None
        });
        let quotas = quotas.into_iter().flatten().enumerate();
        quotas.filter_map(|(ordinal, quota)| self.placed(quota, ordinal)).collect()
    }

    fn placed(&self, quota: Quota, ordinal: usize) -> Option<Rc<Placed>> {
        let mut place = self.place.clone();
        place.label = format!("{}:{ordinal}", place.label);
        Placed::new(&self.limit, &place, self.strategy, quota)
            .inspect_err(|error| self.complain(error))
            .ok()
            .map(Rc::new)
    }

    fn complain(&self, error: &dyn fmt::Display) {
        tracing::error!(code = "L001", %error, place = %self.place.label,
            "a function told a limit that cannot be; the limits further out hold for this request");
    }
}

impl Placed {
    fn new(limit: &Rc<Limit>, place: &Place, strategy: Strategy, quota: Quota) -> Result<Self, PolicyError> {
        let mut policy = Policy::new(quota, strategy).with_label(place.label.as_str());
        if let Some(burst) = limit.burst {
            policy = policy.with_burst(burst)?;
        }
        let Place { tier, scope, ours, .. } = place;
        let meta = Self::own_meta(limit, place, strategy)?;
        Ok(Self {
            limit: Rc::clone(limit),
            tier: *tier,
            policy,
            scope: scope.clone(),
            meta,
            ours: *ours,
            said_it_never_passes: Cell::new(false),
        })
    }

    /// The limits of breaches of a limit: of the same clients, in the same scope.
    fn own_meta(limit: &Limit, place: &Place, strategy: Strategy) -> Result<Box<[Rc<Self>]>, PolicyError> {
        let placed = limit.meta.iter().enumerate().map(|(ordinal, quota)| {
            let mut meta = Limit::new(*quota);
            meta.key.clone_from(&limit.key);
            meta.shared.clone_from(&limit.shared);
            let label = format!("meta {ordinal} of {}", place.label);
            let place = Place { tier: Tier::Meta, label, ..place.clone() };
            Self::new(&Rc::new(meta), &place, strategy, *quota).map(Rc::new)
        });
        placed.collect()
    }

    /// What shares the count, where a function of the request has a say in it.
    pub(crate) fn scope_told_by(&self, req: &ServiceRequest) -> Option<Scope> {
        match &self.limit.shared {
            Some(Text::With(name)) => Some(Scope::new(self.scope.parts().chain([name(req).as_str()]))),
            _ => None,
        }
    }

    /// Whether both have the same count for the same key.
    pub(crate) fn shares_count_with(&self, other: &Self) -> bool {
        self.scope == other.scope && self.policy == other.policy
    }
}
