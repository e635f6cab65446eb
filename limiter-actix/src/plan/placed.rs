use std::{cell::Cell, rc::Rc, sync::Arc};

use actix_web::dev::ServiceRequest;
use limiter_core::{Policy, PolicyError, Quota, Scope, Strategy};

use crate::{Limit, config::Known, limit::Text};

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
    pub(super) ours: bool,
    pub(crate) said_it_never_passes: Cell<bool>,
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

/// Makes what a limit comes to at its place, once its quota is known.
#[derive(Clone)]
pub(super) struct Maker {
    pub(super) limit: Rc<Limit>,
    pub(super) place: Place,
    pub(super) strategy: Strategy,
    pub(super) known: Arc<Known>,
}

impl Maker {
    pub(super) fn make(&self, quota: Quota) -> Result<Placed, PolicyError> {
        let Place { tier, scope, ours, label } = &self.place;
        let mut policy = Policy::new(quota, self.strategy).with_label(label.as_str());
        if let Some(burst) = self.limit.burst {
            policy = policy.with_burst(burst)?;
        }
        if self.limit.shared.as_ref().is_none_or(Text::is_fixed) {
            self.known.add(scope, &policy);
        }
        Ok(Placed {
            limit: Rc::clone(&self.limit),
            tier: *tier,
            policy,
            scope: scope.clone(),
            meta: self.meta()?,
            ours: *ours,
            said_it_never_passes: Cell::new(false),
        })
    }

    /// The same for one of several quotas, so that equal ones do not share a count.
    pub(super) fn numbered(&self, ordinal: usize) -> Self {
        let label = format!("{}:{ordinal}", self.place.label);
        Self { place: Place { label, ..self.place.clone() }, ..self.clone() }
    }

    /// The limits of breaches of a limit: of the same clients, in the same scope.
    fn meta(&self) -> Result<Box<[Rc<Placed>]>, PolicyError> {
        let placed = self.limit.meta.iter().enumerate().map(|(ordinal, quota)| {
            let mut meta = Limit::new(*quota);
            meta.key.clone_from(&self.limit.key);
            meta.shared.clone_from(&self.limit.shared);
            let label = format!("meta {ordinal} of {}", self.place.label);
            let place = Place { tier: Tier::Meta, label, ..self.place.clone() };
            let maker = Self { limit: Rc::new(meta), place, ..self.clone() };
            maker.make(*quota).map(Rc::new)
        });
        placed.collect()
    }
}

impl Placed {
    /// What shares the count, where a function of the request has a say in it.
    pub(crate) fn scope_told_by(&self, req: &ServiceRequest) -> Option<Scope> {
        match &self.limit.shared {
            Some(Text::With(name)) => Some(Scope::new(self.scope.parts().chain([name(req).as_str()]))),
            _ => None,
        }
    }

    /// Whether both have the same count for the same key.
    pub(crate) fn shares_count_with(&self, other: &Self) -> bool {
        // The labels of policies differ most often.
        self.policy == other.policy && self.scope == other.scope
    }
}
