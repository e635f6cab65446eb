//! What applies to one route.

pub(crate) mod bound_limit;
mod dynamic;
mod resolve;

use std::{borrow::Cow, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;
use smallvec::{SmallVec, smallvec};

use self::bound_limit::Maker;
pub(crate) use self::bound_limit::{Place, Placed, Tier};
use self::dynamic::Told;
use self::resolve::{Declared as Declares, Level, resolve};
use crate::{Exempt, Limit, limit::quota_source::Source, settings::Settings};

/// What applies to one route and method: all that is declared for it, and, where no function of the request
/// has a say, what comes of that.
pub(crate) struct Plan {
    pub(crate) meta: Box<[Declared]>,
    pub(crate) application: Box<[Declared]>,
    pub(crate) levels: Box<[PlannedLevel]>,
    /// What holds in place of limits that would be decided in memory since the storage failed.
    pub(crate) instead: Box<[Declared]>,
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
    Told(Box<Told>),
}

/// The limits of one request.
#[derive(Clone, Default)]
pub(crate) struct Applicable {
    pub(crate) meta: SmallVec<[Rc<Placed>; 2]>,
    /// Application limits first, then those of the levels from the outermost on.
    pub(crate) limits: SmallVec<[Rc<Placed>; 4]>,
    /// Whether a function could not tell its limits: the request is answered 500.
    pub(crate) is_broken: bool,
}

impl Applicable {
    /// A count that is shared between levels is taken from once.
    fn add(&mut self, found: Found) {
        self.is_broken |= found.is_broken;
        for placed in found.limits.into_iter().filter(|placed| placed.ours) {
            if !self.limits.iter().any(|there| there.shares_count_with(&placed)) {
                self.limits.push(placed);
            }
        }
    }
}

/// What a declared limit comes to for one request.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) limits: SmallVec<[Rc<Placed>; 2]>,
    /// Whether a function told what cannot be: then the limits further out hold as well.
    pub(crate) failed: bool,
    /// Whether a function could not tell.
    is_broken: bool,
}

impl Plan {
    pub(crate) fn new(meta: Vec<Declared>, application: Vec<Declared>, levels: Vec<PlannedLevel>) -> Self {
        let mut plan = Self {
            meta: meta.into(),
            application: application.into(),
            levels: levels.into(),
            instead: Box::default(),
            settled: None,
        };
        if plan.all_declared().all(|declared| matches!(declared, Declared::Fixed(_))) {
            plan.settled = Some(plan.settle(Declared::fixed));
        }
        plan
    }

    /// What applies to this request.
    pub(crate) fn applicable(&self, req: &ServiceRequest) -> Cow<'_, Applicable> {
        match &self.settled {
            Some(settled) => Cow::Borrowed(settled),
            None => Cow::Owned(self.settle(|declared| declared.of(req))),
        }
    }

    /// Sets what holds in place of limits that would be decided in memory since the storage failed.
    pub(crate) fn with_instead(mut self, limits: Vec<Declared>) -> Self {
        self.instead = limits.into();
        self
    }

    /// What holds in place of limits that would be decided in memory; none when a function could not tell.
    pub(crate) fn instead(&self, req: &ServiceRequest) -> Option<SmallVec<[Rc<Placed>; 2]>> {
        let found: Found = self.instead.iter().map(|declared| declared.of(req)).collect();
        (!found.is_broken).then_some(found.limits)
    }

    fn settle(&self, of: impl Fn(&Declared) -> Found) -> Applicable {
        let levels: SmallVec<[Found; 4]> =
            self.levels.iter().map(|level| level.limits.iter().map(&of).collect()).collect();
        let declared: SmallVec<[Level; 4]> =
            self.levels.iter().zip(&levels).map(|(level, found)| level.declares(found)).collect();
        let applies = resolve(&declared);

        let mut applicable = Applicable::default();
        if applies.meta {
            let meta: Found = self.meta.iter().map(&of).collect();
            applicable.is_broken |= meta.is_broken;
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
    pub(crate) fn all_declared(&self) -> impl Iterator<Item = &Declared> {
        self.meta.iter().chain(&self.application).chain(self.levels.iter().flat_map(|level| &level.limits))
    }
}

impl FromIterator<Found> for Found {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        let mut found = Self::default();
        for one in all {
            found.limits.extend(one.limits);
            found.failed |= one.failed;
            found.is_broken |= one.is_broken;
        }
        found
    }
}

impl PlannedLevel {
    fn declares(&self, found: &Found) -> Level {
        let limits = found.limits.iter().map(|placed| &placed.limit);
        let overrides = limits.clone().any(|limit| limit.override_defaults && !limit.shadow);
        let limits = match () {
            () if found.is_broken => Declares::Overriding,
            () if found.limits.is_empty() => Declares::Nothing,
            () if overrides && !found.failed => Declares::Overriding,
            () if limits.clone().all(|limit| limit.shadow) => Declares::Watching,
            () => Declares::Adding,
        };
        Level { exempt: self.exempt, limits }
    }
}

impl Declared {
    /// Puts a limit at its place.
    pub(crate) fn new(limit: &Limit, place: Place, settings: &Settings) -> Self {
        let maker = Maker {
            strategy: limit.strategy.unwrap_or(settings.strategy),
            limit: Rc::new(limit.clone()),
            place,
            known: Arc::clone(&settings.known),
            storage: settings.storage.clone(),
        };
        match &limit.source {
            Source::Fixed(quota) => Self::Fixed(Rc::new(maker.make(*quota))),
            Source::Dynamic(function) => Self::Told(Box::new(Told::new(function, maker))),
        }
    }

    /// The limits this comes to for a request.
    pub(crate) fn of(&self, req: &ServiceRequest) -> Found {
        match self {
            Self::Fixed(_) => self.fixed(),
            Self::Told(told) => told.of(req),
        }
    }

    /// The limits this comes to for any request.
    fn fixed(&self) -> Found {
        let limits = match self {
            Self::Fixed(placed) => smallvec![Rc::clone(placed)],
            Self::Told(_) => smallvec![],
        };
        Found { limits, ..Found::default() }
    }
}
