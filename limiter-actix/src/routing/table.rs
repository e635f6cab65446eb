//! What applies where in one app, as one worker knows it.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
};

use actix_web::{dev::ServiceRequest, http::Method};
use smallvec::SmallVec;

use super::{app_rules::Rules, label::counted_as, prediction::is_preflight, recent_paths::Recent};
use super::{
    pattern_index::Patterns,
    pattern_text::depth,
    prediction::{Prediction, Route},
};
use crate::{
    limit::rule::{RuleId, RuleIds},
    middleware::witness::Covers,
    plan::{Plan, bound_limit::Placed},
    settings::{Config, Settings},
};

/// What applies where in one app.
///
/// The way from a request to its [`Route`] is one look among the paths that came of late; only another path
/// costs a search among the patterns of the app.
pub(crate) struct Table {
    config: Arc<Config>,
    pub(super) rules: Rules,
    patterns: Rc<AppPatterns>,
    routes: RefCell<HashMap<RouteKey, Rc<Route>>>,
    plans: RefCell<HashMap<PlanKey, Rc<Plan>>>,
    pub(super) recent: RefCell<Recent>,
    /// Whether a middleware further in changes paths before they are routed.
    pub(super) is_rewritten: Cell<bool>,
}

/// The patterns of an app, read at its first request, if they can be. They stay while settings come and go.
pub(crate) type AppPatterns = OnceCell<Option<Patterns>>;

/// The pattern actix will match (none when it will not), and the rules given by pattern that cover the path.
type RouteKey = (Option<Arc<str>>, SmallVec<[usize; 4]>);

/// All that a plan follows from.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    pub(crate) pattern: Option<Arc<str>>,
    /// Rules given by pattern.
    pub(crate) covering: SmallVec<[usize; 4]>,
    /// Rules that stand in the app, from the outermost on.
    pub(crate) standing: RuleIds,
    /// Those among them whose limits another limiter decides.
    pub(crate) left_to_others: RuleIds,
    pub(crate) method: Method,
    pub(crate) preflight: bool,
}

impl Table {
    /// Reads the rules of the app that serves this request.
    pub(crate) fn new(config: Arc<Config>, patterns: Rc<AppPatterns>, req: &ServiceRequest) -> Self {
        let rules = Rules::of_app(&config, req);
        Self {
            config,
            rules,
            patterns,
            routes: RefCell::default(),
            plans: RefCell::default(),
            recent: RefCell::default(),
            is_rewritten: Cell::new(false),
        }
    }

    /// Where a request will go, as far as its path tells.
    ///
    /// Asks with the decoded path, which is the one actix routes on: with the raw one, `/%73low` would reach
    /// `/slow` unseen.
    pub(crate) fn route(&self, req: &ServiceRequest) -> Rc<Route> {
        let path = req.match_info().as_str();
        if let Some(route) = self.recent.borrow().find(path) {
            return route;
        }
        let route = self.search(req, path);
        self.recent.borrow_mut().add(path, &route);
        route
    }

    fn search(&self, req: &ServiceRequest, path: &str) -> Rc<Route> {
        let (pattern, covering) = if self.is_rewritten.get() {
            self.look_up_rewritten(req, path)
        } else {
            (self.pattern(req, path), self.rules.covering(path))
        };
        let key = (pattern, covering);
        if let Some(route) = self.routes.borrow().get(&key) {
            return Rc::clone(route);
        }
        let (pattern, covering) = key.clone();
        let route = Rc::new(self.rules.route(pattern, covering));
        self.routes.borrow_mut().insert(key, Rc::clone(&route));
        route
    }

    /// The pattern that actix will match.
    pub(super) fn pattern(&self, req: &ServiceRequest, path: &str) -> Option<Arc<str>> {
        match self.patterns.get_or_init(|| Patterns::of(req.resource_map())) {
            Some(patterns) => patterns.find(path),
            None => req.resource_map().match_pattern(path).map(Arc::from),
        }
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

    /// The key of the plan for these rules, met by this request at this route.
    pub(crate) fn key(&self, route: &Route, standing: &[RuleId], req: &ServiceRequest) -> PlanKey {
        route.plan_key(standing, self.counted_as(req.method()), is_preflight(req))
    }

    /// The key of the plan for these rules, which were met by this request on its way. Once it is at its handler,
    /// actix knows the pattern.
    pub(crate) fn key_where_met(&self, standing: &[RuleId], at: Covers, req: &ServiceRequest) -> PlanKey {
        let mut key = self.key(&self.route(req), standing, req);
        if at == Covers::Resource
            && let Some(pattern) = req.match_pattern()
        {
            key.pattern = Some(pattern.into());
        }
        key
    }

    /// The method under which a request is counted.
    pub(crate) fn counted_as(&self, method: &Method) -> Method {
        counted_as(method, self.rules.custom_methods())
    }

    pub(crate) fn has_rules_by_pattern(&self) -> bool {
        !self.rules.patterns.is_empty()
    }

    /// Whether a rule stands on this scope.
    pub(crate) fn is_on(&self, rule: RuleId, scope: RuleId) -> bool {
        self.rules.is_on(rule, scope)
    }
}

/// The meta limits for a request that no table has been asked about.
pub(crate) fn meta_limits(settings: &Settings, req: &ServiceRequest) -> SmallVec<[Rc<Placed>; 2]> {
    let rules = Rules::default();
    let key = PlanKey { method: counted_as(req.method(), &[]), ..PlanKey::default() };
    rules.plan(settings, &key).applicable(req).meta.clone()
}
