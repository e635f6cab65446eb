use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use actix_web::{dev::ServiceRequest, http::Method};
use smallvec::SmallVec;

use super::beacon::{Beacon, RuleSite};
use crate::plan::{
    Plan,
    key::{PlanKey, RuleId, RuleIds},
};

/// Where a path leads, and the rules a request may meet there.
pub(crate) struct Route {
    pub(super) pattern: Option<Arc<str>>,
    /// Rules given by pattern that cover the path.
    pub(super) covering: SmallVec<[usize; 4]>,
    /// For each rule that stands on this very resource, in the order actix asks them.
    pub(super) candidates: Vec<(Rc<Beacon>, Prediction)>,
    /// For a handler without a rule of its own.
    pub(super) plain: Prediction,
}

/// The rules a request is expected to meet on its way, and what was learnt of that.
pub(crate) struct Prediction {
    /// From the outermost on.
    rules: RuleIds,
    /// Requests came that did not meet these rules: nothing is granted in advance any more.
    is_ambiguous: Cell<bool>,
    /// Rules that another limiter, further in, decides.
    delegated_rules: RefCell<RuleIds>,
    plans: RefCell<SmallVec<[CachedPlan; 2]>>,
}

/// The plan for requests of this method; whether for preflights.
type CachedPlan = (Method, bool, Rc<Plan>);

impl Route {
    pub(crate) fn pattern(&self) -> Option<&Arc<str>> {
        self.pattern.as_ref()
    }

    /// What this request will meet, if no other pattern hides it: a candidate, or none of them.
    pub(crate) fn predict(&self, req: &ServiceRequest) -> Option<usize> {
        self.candidates.iter().position(|(beacon, _)| match &beacon.site {
            RuleSite::Resource(route) => route.admits(req),
            RuleSite::Scope(_) => false,
        })
    }

    pub(crate) fn prediction(&self, candidate: Option<usize>) -> &Prediction {
        candidate.map_or(&self.plain, |candidate| &self.candidates[candidate].1)
    }

    /// The key of the plan for these rules, met by this request.
    pub(crate) fn plan_key(&self, rules: &[RuleId], method: Method, preflight: bool) -> PlanKey {
        PlanKey {
            pattern: self.pattern.clone(),
            covering: self.covering.clone(),
            registered: RuleIds::from_slice(rules),
            delegated_rules: RuleIds::new(),
            method,
            preflight,
        }
    }
}

impl Prediction {
    pub(super) fn new(rules: RuleIds) -> Self {
        Self {
            rules,
            is_ambiguous: Cell::new(false),
            delegated_rules: RefCell::default(),
            plans: RefCell::default(),
        }
    }

    /// The rules that are expected, and granted in advance.
    pub(crate) fn rules(&self) -> &[RuleId] {
        if self.is_ambiguous.get() { &[] } else { &self.rules }
    }

    /// Grants nothing in advance from now on; tells whether that is news.
    pub(crate) fn mark_ambiguous(&self) -> bool {
        self.plans.borrow_mut().clear();
        !self.is_ambiguous.replace(true)
    }

    /// The rules that another limiter, further in, decides.
    #[inline]
    pub(crate) fn delegated_rules(&self) -> RuleIds {
        RuleIds::from_slice(&self.delegated_rules.borrow())
    }

    /// Leaves the limits of a rule to another limiter from now on.
    pub(crate) fn delegate(&self, rules: &[RuleId]) {
        self.plans.borrow_mut().clear();
        let mut delegated = self.delegated_rules.borrow_mut();
        delegated.extend_from_slice(rules);
        delegated.sort_unstable();
        delegated.dedup();
    }

    /// Returns the plan for requests of this method, if there was one before.
    #[inline]
    pub(super) fn cached_plan(&self, method: &Method, preflight: bool) -> Option<Rc<Plan>> {
        let is_this = |(of, at, _): &&CachedPlan| of == method && *at == preflight;
        self.plans.borrow().iter().find(is_this).map(|(_, _, plan)| Rc::clone(plan))
    }

    /// Keeps the plan for requests of this method.
    pub(super) fn cache_plan(&self, method: Method, preflight: bool, plan: &Rc<Plan>) {
        self.plans.borrow_mut().push((method, preflight, Rc::clone(plan)));
    }
}
