//! What applies where in one app, as one worker knows it.

use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    rc::Rc,
    sync::Arc,
};

use actix_web::{dev::ServiceRequest, http::Method};
use smallvec::SmallVec;

mod build;
mod label;
mod prediction;

pub(crate) use self::prediction::{Prediction, Route};
use self::{build::Rules, label::counted_as, prediction::is_preflight};
use crate::{
    config::{Config, Settings},
    plan::{Placed, Plan},
    rule::RuleId,
};

/// What applies where in one app.
///
/// The way from a request to its [`Route`] is one look into a table of fixed size under a seeded hash of the
/// path; only a path that is not in it costs a search of the resource map, as much as actix's own routing.
pub(crate) struct Table {
    config: Arc<Config>,
    rules: Rules,
    routes: RefCell<HashMap<RouteKey, Rc<Route>>>,
    plans: RefCell<HashMap<PlanKey, Rc<Plan>>>,
    /// Each path has one place here, and the latest to come holds it.
    recent: RefCell<Box<[Option<Recent>]>>,
    seed: RandomState,
}

/// The hash of a path, and where it leads.
type Recent = (u64, Rc<Route>);

/// How many paths are remembered.
const RECENT: usize = 1024;

/// Longer paths are not remembered: hashing them costs as much as matching them.
const LONGEST_REMEMBERED: usize = 1024;

/// The pattern actix will match (none when it will not), the rules given by pattern that cover the path, and
/// whether what matches stands beside a scope of the same pattern.
type RouteKey = (Option<Rc<str>>, SmallVec<[usize; 4]>, bool);

/// All that a plan follows from.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    pub(crate) pattern: Option<Rc<str>>,
    /// Rules given by pattern.
    pub(crate) covering: SmallVec<[usize; 4]>,
    /// Rules that stand in the app, from the outermost on.
    pub(crate) standing: SmallVec<[RuleId; 4]>,
    /// Those among them whose limits another limiter decides.
    pub(crate) left_to_others: SmallVec<[RuleId; 2]>,
    pub(crate) method: Method,
    pub(crate) preflight: bool,
}

impl Table {
    /// Reads the rules of the app that serves this request.
    pub(crate) fn new(config: Arc<Config>, req: &ServiceRequest) -> Self {
        let rules = Rules::of_app(&config, req);
        Self {
            config,
            rules,
            routes: RefCell::default(),
            plans: RefCell::default(),
            recent: RefCell::new((0..RECENT).map(|_| None).collect()),
            seed: RandomState::new(),
        }
    }

    /// Where a request will go, as far as its path tells.
    ///
    /// Asks with the decoded path, which is the one actix routes on: with the raw one, `/%73low` would reach
    /// `/slow` unseen.
    pub(crate) fn route(&self, req: &ServiceRequest) -> Rc<Route> {
        let path = req.match_info().as_str();
        if path.len() > LONGEST_REMEMBERED {
            return self.search(req, path);
        }
        let hash = self.seed.hash_one(path);
        let place = usize::try_from(hash % RECENT as u64).unwrap_or(0);
        if let Some((known, route)) = &self.recent.borrow()[place]
            && *known == hash
        {
            return Rc::clone(route);
        }
        let route = self.search(req, path);
        self.recent.borrow_mut()[place] = Some((hash, Rc::clone(&route)));
        route
    }

    fn search(&self, req: &ServiceRequest, path: &str) -> Rc<Route> {
        let pattern: Option<Rc<str>> = req.resource_map().match_pattern(path).map(Rc::from);
        let beside = pattern.as_deref().is_some_and(|it| self.rules.is_beside_a_scope(it, path));
        let key = (pattern, self.rules.covering(path), beside);
        if let Some(route) = self.routes.borrow().get(&key) {
            return Rc::clone(route);
        }
        let (pattern, covering, beside) = key.clone();
        let route = Rc::new(self.rules.route(pattern, covering, beside));
        self.routes.borrow_mut().insert(key, Rc::clone(&route));
        route
    }

    /// The plan for all that `key` says, made once.
    pub(crate) fn plan(&self, key: PlanKey) -> Rc<Plan> {
        if let Some(plan) = self.plans.borrow().get(&key) {
            return Rc::clone(plan);
        }
        let plan = Rc::new(self.rules.plan(&self.config.settings, &key));
        self.plans.borrow_mut().insert(key, Rc::clone(&plan));
        plan
    }

    /// The key of the plan for these rules, met by this request.
    pub(crate) fn key(&self, route: &Route, standing: &[RuleId], req: &ServiceRequest) -> PlanKey {
        route.plan_key(standing, self.counted_as(req.method()), is_preflight(req))
    }

    /// The method under which a request is counted.
    pub(crate) fn counted_as(&self, method: &Method) -> Method {
        counted_as(method, self.rules.custom_methods())
    }

    /// Whether a resource with a rule of its own would match this request, wherever other patterns hide it.
    pub(crate) fn any_route_rule_for(&self, req: &ServiceRequest) -> bool {
        self.rules.any_route_rule_for(req)
    }
}

/// The pattern of the resource the request has reached, or in a scope of the one it will reach: another
/// than before routing where that one was hidden, or the path has been rewritten since.
pub(crate) fn pattern_reached(req: &ServiceRequest) -> Option<Rc<str>> {
    let decoded = || req.resource_map().match_pattern(req.match_info().as_str());
    let reached = if req.match_info().unprocessed().is_empty() { req.match_pattern() } else { decoded() };
    reached.map(Rc::from)
}

/// The meta limits for a request that no table has been asked about.
pub(crate) fn meta_limits(settings: &Settings, req: &ServiceRequest) -> SmallVec<[Rc<Placed>; 2]> {
    let rules = Rules::default();
    let key = PlanKey { method: counted_as(req.method(), &[]), ..PlanKey::default() };
    rules.plan(settings, &key).applicable(req).meta
}
