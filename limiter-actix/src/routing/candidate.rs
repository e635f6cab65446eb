//! A place that a path may lead to.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use actix_web::{dev::ServiceRequest, http::Method};

use super::{
    beacon::{Beacon, RuleSite},
    trust::{Trust, TrustTable},
};
use crate::plan::{
    Plan,
    key::{RuleId, RuleIds},
};

/// A place that a path may lead to.
pub(crate) struct Candidate {
    /// The pattern of its route; none for a default service.
    pub(super) pattern: Option<Arc<str>>,
    /// The scopes around it, the outermost first.
    pub(super) scopes: Vec<ScopeAround>,
    /// The rules declared on these scopes and on itself, from the outermost on.
    pub(super) rules: RuleIds,
    /// The trust in each of these.
    pub(super) trust: Vec<Rc<Trust>>,
    /// The rule on itself.
    pub(super) own: Option<Rc<Beacon>>,
    /// The rules given by pattern that cover it, as indices.
    pub(super) covering: Vec<usize>,
    /// Those of them that cover only its route.
    pub(super) of_route: Vec<usize>,
    /// The rules that a limiter further in decides.
    pub(super) delegated: RefCell<RuleIds>,
    /// The plans of requests to which all rules are granted.
    plans: RefCell<Vec<CachedPlan>>,
}

/// A scope around a place.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ScopeAround {
    pub(super) number: usize,
    pub(super) prefix: Arc<str>,
}

/// The plan for requests of this method, and for CORS preflights if `true`.
type CachedPlan = (Method, bool, Rc<Plan>);

/// The certainty that a place takes a request that comes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admits {
    Yes,
    /// Guards decide that are not known here.
    Perhaps,
}

impl Candidate {
    pub(super) fn new(
        pattern: Option<Arc<str>>,
        scopes: Vec<ScopeAround>,
        rules: RuleIds,
        trust: &TrustTable,
        own: Option<Rc<Beacon>>,
        covering: Vec<usize>,
        of_route: Vec<usize>,
    ) -> Self {
        let trust = rules.iter().map(|rule| trust.of(*rule)).collect();
        let (delegated, plans) = (RefCell::default(), RefCell::default());
        Self { pattern, scopes, rules, trust, own, covering, of_route, delegated, plans }
    }

    pub(super) fn innermost(&self) -> Option<usize> {
        self.scopes.last().map(|scope| scope.number)
    }

    pub(super) fn is_inside(&self, scope: Option<usize>) -> bool {
        scope.is_none_or(|scope| self.scopes.iter().any(|around| around.number == scope))
    }

    /// Returns whether it would take the request; none if it surely would not.
    #[inline]
    pub(super) fn admits(&self, req: &ServiceRequest) -> Option<Admits> {
        match self.own.as_deref().map(|beacon| &beacon.site) {
            Some(RuleSite::Resource(spec)) if spec.is_exact() => spec.admits(req).then_some(Admits::Yes),
            _ => Some(Admits::Perhaps),
        }
    }

    /// Returns whether only guards distinguish this place from the other: it has the same pattern, or one of its scopes has
    /// the prefix of another scope there.
    pub(super) fn is_twin_of(&self, other: &Self) -> bool {
        let same_pattern = self.pattern.is_some() && self.pattern == other.pattern;
        let is_twin = |scope: &ScopeAround| {
            let here = |around: &ScopeAround| around.number == scope.number;
            let alike = |around: &ScopeAround| around.prefix == scope.prefix;
            !self.scopes.iter().any(here) && self.scopes.iter().any(alike)
        };
        same_pattern || other.scopes.iter().any(is_twin)
    }

    /// Returns the rules by pattern that cover only its route.
    pub(super) fn rules_of_route(&self) -> impl Iterator<Item = (usize, Arc<str>)> {
        let route = |rule: &usize| Some((*rule, Arc::clone(self.pattern.as_ref()?)));
        self.of_route.iter().filter_map(route)
    }

    /// Returns the plan of such requests, if one was made.
    #[inline]
    pub(super) fn cached_plan(&self, method: &Method, preflight: bool) -> Option<Rc<Plan>> {
        let is_it = |(of, at, _): &&CachedPlan| of == method && *at == preflight;
        self.plans.borrow().iter().find(is_it).map(|(_, _, plan)| Rc::clone(plan))
    }

    pub(super) fn cache_plan(&self, method: Method, preflight: bool, plan: &Rc<Plan>) {
        // Methods that nothing in the app has are one, so there are few.
        self.plans.borrow_mut().push((method, preflight, Rc::clone(plan)));
    }

    /// Leaves the limits of rules to a limiter further in, from now on.
    pub(super) fn delegate(&self, rules: &[RuleId]) {
        self.plans.borrow_mut().clear();
        let mut delegated = self.delegated.borrow_mut();
        for rule in rules {
            if let Err(at) = delegated.binary_search(rule) {
                delegated.insert(at, *rule);
            }
        }
    }
}
