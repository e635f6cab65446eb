use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use actix_web::{dev::ServiceRequest, http::Method};
use smallvec::SmallVec;

use super::beacon::{Beacon, Site};
use super::table::{PlanKey, Table};
use crate::{
    limit::rule::{RuleId, RuleIds},
    plan::Plan,
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
    standing: RuleIds,
    /// Requests came that did not meet these rules: nothing is granted in advance any more.
    doubtful: Cell<bool>,
    /// Rules that another limiter, further in, decides.
    left_to_others: RefCell<RuleIds>,
    plans: RefCell<SmallVec<[Known; 2]>>,
}

/// The plan for requests of this method; whether for preflights.
type Known = (Method, bool, Rc<Plan>);

impl Route {
    pub(crate) fn pattern(&self) -> Option<&Arc<str>> {
        self.pattern.as_ref()
    }

    /// What this request will meet, if no other pattern hides it: a candidate, or none of them.
    pub(crate) fn predict(&self, req: &ServiceRequest) -> Option<usize> {
        self.candidates.iter().position(|(beacon, _)| match &beacon.site {
            Site::Resource(place) => place.admits(req),
            Site::Scope(_) => false,
        })
    }

    pub(crate) fn prediction(&self, candidate: Option<usize>) -> &Prediction {
        candidate.map_or(&self.plain, |candidate| &self.candidates[candidate].1)
    }

    /// The key of the plan for these rules, met by this request.
    pub(crate) fn plan_key(&self, standing: &[RuleId], method: Method, preflight: bool) -> PlanKey {
        PlanKey {
            pattern: self.pattern.clone(),
            covering: self.covering.clone(),
            standing: RuleIds::from_slice(standing),
            left_to_others: RuleIds::new(),
            method,
            preflight,
        }
    }
}

impl Prediction {
    pub(super) fn new(standing: RuleIds) -> Self {
        Self {
            standing,
            doubtful: Cell::new(false),
            left_to_others: RefCell::default(),
            plans: RefCell::default(),
        }
    }

    /// The rules that are expected, and granted in advance.
    pub(crate) fn standing(&self) -> &[RuleId] {
        if self.doubtful.get() { &[] } else { &self.standing }
    }

    /// Grants nothing in advance from now on; tells whether that is news.
    pub(crate) fn doubt(&self) -> bool {
        self.plans.borrow_mut().clear();
        !self.doubtful.replace(true)
    }

    /// The rules that another limiter, further in, decides.
    pub(crate) fn left_to_others(&self) -> RuleIds {
        RuleIds::from_slice(&self.left_to_others.borrow())
    }

    /// Leaves the limits of a rule to another limiter from now on.
    pub(crate) fn leave_to_others(&self, rules: &[RuleId]) {
        self.plans.borrow_mut().clear();
        let mut left = self.left_to_others.borrow_mut();
        left.extend_from_slice(rules);
        left.sort_unstable();
        left.dedup();
    }

    pub(crate) fn plan(&self, route: &Route, table: &Table, req: &ServiceRequest) -> Rc<Plan> {
        let method = table.counted_as(req.method());
        let preflight = is_preflight(req);
        let known = |(of, at, _): &&Known| *of == method && *at == preflight;
        if let Some((_, _, plan)) = self.plans.borrow().iter().find(known) {
            return Rc::clone(plan);
        }
        let mut key = route.plan_key(self.standing(), method.clone(), preflight);
        key.left_to_others.clone_from(&self.left_to_others.borrow());
        let plan = table.plan(key);
        self.plans.borrow_mut().push((method, preflight, Rc::clone(&plan)));
        plan
    }
}

/// A CORS preflight (Fetch standard, section 3.2.2), which is left to the application limits.
pub(crate) fn is_preflight(req: &ServiceRequest) -> bool {
    *req.method() == Method::OPTIONS
        && req.headers().contains_key("origin")
        && req.headers().contains_key("access-control-request-method")
}
