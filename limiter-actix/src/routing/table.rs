//! The routes of one app with the limits that apply there, in one worker.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
};

use actix_web::{HttpRequest, dev::ServiceRequest, http::Method};

use super::{
    app_rules::{AppRules, DeclaredRule},
    arrival::is_at_handler,
    certain::CertainPlace,
    label::{counted_as, is_preflight},
    path_rules::{Covering, union},
    plan_builder::PlanBuilder,
    prediction::{Candidate, Prediction, Route, ScopeAround},
    recent_paths::RecentPaths,
    registered::Position,
    rewriting::{Rewriting, Rewritten},
    route_map::RouteMap,
    route_tree::{Place, Places, RouteTree},
    trust::TrustTable,
    warnings,
};
use crate::{
    Exempt,
    plan::{
        Plan,
        key::{PlanKey, RuleId, RuleIds},
    },
    settings::Config,
};

/// The routes of one app, with the limits that apply there.
///
/// The way from a request to its [`Route`] is one look among recent paths. Only another path costs a search in the
/// tree of the app.
pub(crate) struct Table {
    config: Arc<Config>,
    rules: AppRules,
    /// For lists of limits by other threads. None without a tree.
    map: Option<Arc<RouteMap>>,
    app: Rc<AppRoutes>,
    routes: RefCell<HashMap<RouteKey, Rc<Route>>>,
    plans: RefCell<HashMap<PlanKey, Rc<Plan>>>,
    /// The number of limits in all plans.
    planned: Cell<usize>,
    recent: RefCell<RecentPaths>,
}

/// The facts that a worker has learned of its app. They stay while settings come and go.
#[derive(Default)]
pub(crate) struct AppRoutes {
    /// None if this version of actix does not show it: then each rule is decided where it stands.
    tree: OnceCell<Option<RouteTree>>,
    trust: TrustTable,
    /// Where requests have arrived although other places were predicted, for paths under rules by pattern.
    reached: RefCell<HashMap<Places, Rc<Cell<u32>>>>,
    rewriting: RefCell<Rewriting>,
}

/// The places a path may lead to, and the rules given by pattern that cover the path. Without a tree, the pattern.
type RouteKey = (Places, Option<Arc<str>>, Covering);

/// Where a request has arrived, seen from the rules by pattern that were predicted for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    Expected,
    /// Where it could be expected, although some of them were in doubt.
    InDoubt,
    /// Where some of them do not hold.
    Elsewhere,
}

/// Requests choose which routes and plans come about, so there is a bound. Beyond it, all are made anew.
const MAX_ROUTES: usize = 1024;
const MAX_PLANS: usize = 1024;
/// The number of limits in all plans. Many rules by pattern may cover one path, and a dynamic limit remembers one for
/// each of its quotas, so that few plans are large.
const MAX_PLANNED_LIMITS: usize = 64 * 1024;

impl Table {
    /// Reads the rules of the app that serves this request.
    pub(crate) fn new(config: Arc<Config>, app: Rc<AppRoutes>, req: &ServiceRequest) -> Self {
        let is_first = app.tree.get().is_none();
        let tree = app.tree.get_or_init(|| RouteTree::of(req.resource_map())).as_ref();
        let routes = tree.into_iter().flat_map(RouteTree::route_patterns);
        let declared = DeclaredRule::all(tree);
        let rules = AppRules::new(&config.settings, routes, &declared);
        warnings::warn(&rules, tree, is_first);
        let map = tree.map(|tree| Arc::new(RouteMap::new(&config, tree, declared, &rules, req)));
        Self {
            config,
            map,
            rules,
            app,
            routes: RefCell::default(),
            plans: RefCell::default(),
            planned: Cell::default(),
            recent: RefCell::default(),
        }
    }

    /// Returns the routes for lists of limits.
    pub(crate) fn map(&self) -> Option<&Arc<RouteMap>> {
        self.map.as_ref()
    }

    fn tree(&self) -> Option<&RouteTree> {
        self.app.tree.get().and_then(Option::as_ref)
    }

    /// Returns where a request may go, as far as its path shows.
    ///
    /// It looks at the decoded path, which is the one that actix routes on. The raw one would let `/%73low` reach
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

    /// Returns where a request may go that has been routed already, so that no middleware changes its path any more.
    pub(crate) fn route_as_is(&self, req: &ServiceRequest) -> Rc<Route> {
        if !self.is_rewritten() {
            return self.route(req);
        }
        self.find_or_make(self.route_key(req, req.match_info().as_str(), &[]))
    }

    fn search(&self, req: &ServiceRequest, path: &str) -> Rc<Route> {
        let results: Vec<Rewritten> = self.app.rewriting.borrow().results(path).collect();
        self.find_or_make(self.route_key(req, path, &results))
    }

    fn find_or_make(&self, key: RouteKey) -> Rc<Route> {
        let mut routes = self.routes.borrow_mut();
        if let Some(route) = routes.get(&key) {
            return Rc::clone(route);
        }
        let route = Rc::new(self.make_route(&key));
        if routes.len() >= MAX_ROUTES {
            routes.clear();
            self.recent.take();
        }
        routes.insert(key, Rc::clone(&route));
        route
    }

    /// Returns what a path leads to, or what it leads to after the changes that middleware makes.
    fn route_key(&self, req: &ServiceRequest, path: &str, results: &[Rewritten]) -> RouteKey {
        let Some(tree) = self.tree() else {
            let mut paths = results.iter().map(|result| result.path.as_str()).chain([path]);
            let pattern = paths.find_map(|path| req.resource_map().match_pattern(path));
            return (Places::new(), pattern.map(Arc::from), self.covering(path, results));
        };
        let leads = |result: &&Rewritten| {
            result.is_certain || matches!(tree.places(&result.path).first(), Some(Place::Resource(_)))
        };
        let path_there = results.iter().find(leads).map_or(path, |result| result.path.as_str());
        (tree.places(path_there), None, self.covering(path, results))
    }

    /// Returns the rules given by pattern that cover a path, and those that cover only what it may become, as far as
    /// they exempt from nothing.
    fn covering(&self, path: &str, results: &[Rewritten]) -> Covering {
        let covering = self.rules.patterns.of_path(path);
        let mut of_results = Covering::new();
        for result in results {
            let limits = |rule: &usize| self.rules.patterns.all[*rule].rule.exempt == Exempt::NONE;
            of_results.extend(self.rules.patterns.of_path(&result.path).into_iter().filter(limits));
        }
        union(&covering, &of_results)
    }

    fn make_route(&self, (places, pattern, covering): &RouteKey) -> Route {
        let candidates = match self.tree() {
            Some(tree) => places.iter().map(|place| self.candidate(tree, *place, covering)).collect(),
            None => {
                vec![Candidate::new(
                    pattern.clone(),
                    Vec::new(),
                    RuleIds::new(),
                    &self.app.trust,
                    None,
                    covering.clone(),
                    Covering::new(),
                )]
            }
        };
        let may_miss_rules =
            candidates.len() > 1 && candidates.iter().any(|place| !place.of_route.is_empty());
        let reached = if may_miss_rules { self.reached(places) } else { Rc::default() };
        Route::new(candidates, reached)
    }

    /// Returns which of these places were reached. Requests could have routes made anew without end, so this is kept
    /// apart from them. Beyond the bound, all count as reached.
    fn reached(&self, places: &Places) -> Rc<Cell<u32>> {
        let mut reached = self.app.reached.borrow_mut();
        if reached.len() >= MAX_ROUTES && !reached.contains_key(places) {
            return Rc::new(Cell::new(u32::MAX));
        }
        Rc::clone(reached.entry(places.clone()).or_default())
    }

    fn candidate(&self, tree: &RouteTree, place: Place, covering: &Covering) -> Candidate {
        let around = |scope| ScopeAround { number: scope, prefix: Arc::clone(&tree.scopes[scope].prefix) };
        let of_route = match place {
            Place::Resource(number) => {
                self.rules.patterns.of_route(tree.resources[number].patterns.iter().map(|pattern| &**pattern))
            }
            Place::Default(_) => Covering::new(),
        };
        let is_here =
            |rule: &&usize| matches!(place, Place::Resource(_)) || !self.rules.patterns.has_route(**rule);
        let by_path: Covering = covering.iter().filter(is_here).copied().collect();
        Candidate::new(
            tree.pattern_of(place).cloned(),
            tree.scopes_of(place).into_iter().map(around).collect(),
            tree.rules_of(place),
            &self.app.trust,
            tree.rule_of(place).cloned(),
            union(&by_path, &of_route),
            of_route,
        )
    }

    /// Predicts where a request arrives that has met some rules so far, and grants what can be granted.
    pub(crate) fn predict(&self, req: &ServiceRequest, met: &[RuleId]) -> Prediction {
        let route = if met.is_empty() { self.route(req) } else { self.route_as_is(req) };
        let mut prediction = route.predict(req, met);
        if !prediction.rules.is_empty() {
            prediction.grant(met);
        }
        prediction
    }

    /// Returns the place of a request, if it is certain, and the limits there, if they were asked for before and are
    /// plain.
    #[inline]
    pub(crate) fn certain_place(&self, req: &ServiceRequest) -> Option<(CertainPlace, Rc<Plan>)> {
        let route = self.route(req);
        let method = if *req.method() == Method::HEAD { &Method::GET } else { req.method() };
        let plan = route.certain_place(req)?.cached_plan(method, is_preflight(req))?;
        if !plan.is_plain() {
            return None;
        }
        Some((CertainPlace::grant(route)?, plan))
    }

    /// Grants these rules to no request any more before it meets them; returns whether that is news.
    pub(crate) fn doubt(&self, rules: &[RuleId]) -> bool {
        rules.iter().filter(|rule| self.app.trust.doubt(**rule)).count() > 0
    }

    /// Compares where a request has arrived with the rules by pattern that were predicted, and learns from it.
    pub(crate) fn check_rules_of_route(&self, prediction: &Prediction, req: &HttpRequest) -> Arrival {
        if prediction.is_under_attributes_only() {
            return Arrival::Expected;
        }
        let expected = self.rules_of_route(prediction, &self.counted_as(req.method()));
        let is_in_doubt = !self.in_doubt(prediction).is_empty();
        let pattern = Some(req).filter(|req| is_at_handler(req)).and_then(HttpRequest::match_pattern);
        if pattern.as_deref() == prediction.pattern().map(|pattern| &**pattern) {
            return if is_in_doubt { Arrival::InDoubt } else { Arrival::Expected };
        }
        let mut there = self.rules.patterns.of_route(pattern.as_deref().into_iter());
        there.retain(|rule| self.rules.patterns.is_for(*rule, &self.counted_as(req.method())));
        let by_path = self.rules.patterns.of_path(req.match_info().as_str());
        let holds_there =
            |rule: &usize| there.contains(rule) || (pattern.is_some() && by_path.contains(rule));
        let has_missed = |rule: &usize| !holds_there(rule) && !self.rules.patterns.trust(*rule).is_doubted();
        if let Some(pattern) = &pattern {
            prediction.route.note_arrival(pattern);
        }
        if expected.iter().any(has_missed) {
            Arrival::Elsewhere
        } else if prediction.of_rivals.is_empty() && there.is_empty() {
            Arrival::Expected
        } else {
            Arrival::InDoubt
        }
    }

    /// From now on the rules by pattern that are predicted here limit, but lift nothing, before such a request arrives.
    /// Returns whether that is news.
    pub(crate) fn doubt_rules_of_route(&self, prediction: &Prediction, req: &HttpRequest) -> bool {
        let rules = self.rules_of_route(prediction, &self.counted_as(req.method()));
        rules.iter().filter(|rule| self.rules.patterns.trust(**rule).doubt()).count() > 0
    }

    /// Returns the rules by pattern that cover the route and nothing else, as far as they are for this method.
    fn rules_of_route(&self, prediction: &Prediction, method: &Method) -> Covering {
        let of_route = prediction.place().of_route.iter();
        of_route.filter(|rule| self.rules.patterns.is_for(**rule, method)).copied().collect()
    }

    /// Returns the rules by pattern that such requests do not surely arrive under.
    fn in_doubt(&self, prediction: &Prediction) -> Vec<(usize, Arc<str>)> {
        if prediction.is_under_attributes_only() {
            return Vec::new();
        }
        let is_given = |(rule, _): &(usize, _)| !self.rules.patterns.trust(*rule).is_doubted();
        let of_route = prediction.place().rules_of_route().filter(|rule| !is_given(rule));
        of_route.chain(prediction.of_rivals.iter().cloned()).collect()
    }

    /// Returns the plan of a key, made once.
    pub(crate) fn plan(&self, key: PlanKey) -> Rc<Plan> {
        let mut plans = self.plans.borrow_mut();
        if let Some(plan) = plans.get(&key) {
            return Rc::clone(plan);
        }
        let builder = PlanBuilder { rules: &self.rules, settings: &self.config.settings, key: &key };
        let plan = Rc::new(builder.build());
        plan.add_names(&self.config.settings.bound_names);
        if plans.len() >= MAX_PLANS || self.planned.get() >= MAX_PLANNED_LIMITS {
            plans.clear();
            self.planned.set(0);
            // They keep plans, too.
            self.routes.borrow_mut().clear();
            self.recent.take();
        }
        self.planned.set(self.planned.get().saturating_add(plan.size()));
        plans.insert(key, Rc::clone(&plan));
        plan
    }

    /// Returns the plan for a request of which this is predicted.
    #[inline]
    pub(crate) fn predicted_plan(&self, prediction: &Prediction, req: &ServiceRequest) -> Rc<Plan> {
        let method = self.counted_as(req.method());
        let preflight = is_preflight(req);
        let place = prediction.place();
        let is_usual = prediction.is_complete() && self.in_doubt(prediction).is_empty();
        if is_usual && let Some(plan) = place.cached_plan(&method, preflight) {
            return plan;
        }
        let mut key = self.key(prediction, &prediction.rules, req);
        key.delegated_rules = prediction.delegated_rules();
        let plan = self.plan(key);
        if is_usual {
            place.cache_plan(method, preflight, &plan);
        }
        plan
    }

    /// Returns the key of the plan for these rules, at the place that is predicted.
    pub(crate) fn key(&self, prediction: &Prediction, rules: &[RuleId], req: &ServiceRequest) -> PlanKey {
        let mut key = prediction.plan_key(rules, self.counted_as(req.method()), is_preflight(req));
        key.in_doubt = self.in_doubt(prediction);
        key
    }

    /// Returns the key of the plan for these rules, which were met by this request on its way. Once it is at its
    /// handler, actix knows the pattern.
    pub(crate) fn key_at(&self, rules: &[RuleId], at: Position, req: &ServiceRequest) -> PlanKey {
        let route = self.route_as_is(req);
        if at == Position::Scope {
            return self.key(&route.predict(req, rules), rules, req);
        }
        let pattern = req.match_pattern();
        let arrived_at = pattern.as_deref().filter(|_| is_at_handler(req.request()));
        let predicted = route.predict(req, rules);
        let arrival = route.arrival(arrived_at, rules);
        let mut key = self.key(arrival.as_ref().unwrap_or(&predicted), rules, req);
        key.in_doubt.clear();
        // What nothing takes is counted as the next request of its kind will be.
        key.pattern = arrived_at.map(Into::into).or_else(|| predicted.pattern().cloned());
        key
    }

    /// Returns the method under which a request is counted.
    fn counted_as(&self, method: &Method) -> Method {
        counted_as(method, self.rules.custom_methods())
    }

    pub(crate) fn has_rules_by_pattern(&self) -> bool {
        !self.rules.patterns.is_empty()
    }

    /// Returns whether a rule is declared on this scope.
    pub(crate) fn is_on(&self, rule: RuleId, scope: RuleId) -> bool {
        self.rules.is_on(rule, scope)
    }

    /// Returns whether middleware further in is known to change paths.
    pub(crate) fn is_rewritten(&self) -> bool {
        !self.app.rewriting.borrow().is_empty()
    }

    /// Compares the path that a request came by with the one it has now. Returns whether the limiter was wrong about what
    /// becomes of it.
    pub(crate) fn check_rewriting(&self, came_by: &str, req: &ServiceRequest) -> bool {
        let is_wrong = self.app.rewriting.borrow_mut().refute(came_by, req.match_info().as_str());
        if is_wrong {
            self.recent.take();
        }
        is_wrong
    }

    /// Learns that a request which came by one path was routed by another. Returns whether that is new.
    pub(crate) fn learn_rewriting(&self, came_by: &str, req: &ServiceRequest) -> bool {
        let mut rewriting = self.app.rewriting.borrow_mut();
        let is_first = rewriting.is_empty();
        if !rewriting.learn(came_by, req.match_info().as_str()) {
            return false;
        }
        self.recent.take();
        if is_first {
            warnings::rewritten(came_by, &self.config.settings);
        }
        true
    }
}
