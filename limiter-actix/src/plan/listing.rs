//! Lists the limits of a plan.

use std::num::NonZeroU64;

use limiter_core::{Policy, Scope, Strategy};

use super::{
    DeclaredLimit, Plan, PlannedLevel,
    applicable::effect,
    bound_limit::BoundLimit,
    resolve::{Level, resolve},
};
use crate::{
    Limit, LimitOrigin, RouteLimit,
    limit::callback::{Cost, Text},
    settings::bound_names::NamedBinding,
};

/// A limit that applies to a route, with its counts.
#[derive(Clone, Debug)]
pub(crate) struct ListedLimit {
    pub(crate) limit: RouteLimit,
    /// Its counts: one, or one for each method that counts on its own. None if the request determines them.
    pub(crate) counts: Vec<(Scope, Policy)>,
    /// Its name, for code that hits and clears it.
    pub(crate) binding: Option<NamedBinding>,
}

impl Plan {
    /// Returns the limits that apply. A dynamic limit is listed as if it returned quotas.
    pub(crate) fn listed(&self) -> Vec<ListedLimit> {
        let declared = |level: &PlannedLevel| {
            let limits = effect(level.limits.iter().map(|declared| &**declared.options()));
            Level { exempt: level.exempt, limits }
        };
        let applies = resolve(&self.levels.iter().map(declared).collect::<Vec<_>>());
        let meta = self.meta.iter().filter(|_| applies.meta);
        let application = self.application.iter().filter(|_| applies.application);
        let levels = self.levels.iter().zip(applies.levels).filter(|(_, applies)| *applies);
        let limits = levels.flat_map(|(level, _)| &level.limits);
        let mut listed: Vec<ListedLimit> = Vec::new();
        for limit in meta.chain(application).chain(limits).map(DeclaredLimit::listed) {
            // A count shared between levels is charged once.
            let is_counted = |other: &ListedLimit| !limit.counts.is_empty() && other.counts == limit.counts;
            if !listed.iter().any(is_counted) {
                listed.push(limit);
            }
        }
        listed
    }
}

impl DeclaredLimit {
    /// Returns the limit for lists.
    fn listed(&self) -> ListedLimit {
        match self {
            Self::Fixed(bound) => {
                let (level, strategy) = (bound.tier.label(), bound.policy.strategy());
                let limit = route_limit(&bound.options, level, bound.origin.clone(), strategy);
                ListedLimit { limit, counts: bound.counts(), binding: NamedBinding::of(&bound.options) }
            }
            Self::Dynamic(dynamic) => {
                let (slot, strategy) = dynamic.place();
                let limit = route_limit(dynamic.options(), slot.tier.label(), slot.origin.clone(), strategy);
                ListedLimit { limit, counts: Vec::new(), binding: NamedBinding::of(dynamic.options()) }
            }
        }
    }
}

impl BoundLimit {
    /// Returns its count, unless a function of the request names it.
    fn counts(&self) -> Vec<(Scope, Policy)> {
        let is_known = self.options.shared.as_ref().is_none_or(Text::is_fixed);
        is_known.then(|| (self.scope.clone(), self.policy.clone())).into_iter().collect()
    }
}

fn route_limit(options: &Limit, level: &'static str, origin: LimitOrigin, strategy: Strategy) -> RouteLimit {
    RouteLimit {
        level,
        origin,
        quota: options.source.quota(),
        strategy,
        burst: options.burst.map(NonZeroU64::get),
        cost: match options.cost {
            Cost::Fixed(cost) => Some(cost),
            Cost::With(_) => None,
        },
        name: options.name.clone(),
        shared: match &options.shared {
            Some(Text::Fixed(name)) => Some(name.clone()),
            _ => None,
        },
        has_own_key: options.key.is_some(),
        is_shadow: options.shadow,
    }
}
