//! The routes of one app with the limits that apply there, in one worker.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
};

use actix_web::{dev::ServiceRequest, http::Method};

use super::{
    app_rules::{AppRules, DeclaredRule},
    arrival::is_at_handler,
    certain::CertainPlace,
    label::{counted_as, is_preflight},
    name_clashes,
    plan_builder::PlanBuilder,
    prediction::Prediction,
    recent_paths::RecentPaths,
    rewriting::Rewriting,
    route::Route,
    route_map::RouteMap,
    route_tree::{Places, RouteTree},
    scope_marker::ScopeMarker,
    trust::TrustTable,
    warnings,
};
use crate::{
    plan::{
        Plan,
        key::{PlanKey, RuleId, RuleIds},
    },
    settings::Config,
};

mod learning;
mod routes;

pub(crate) use self::learning::ArrivalCheck;
use self::routes::RouteKey;

/// The routes of one app, with the limits that apply there.
///
/// The way from a request to its [`Route`] is one look among recent paths. Only another path costs a search in the
/// tree of the app.
pub(crate) struct Table {
    config: Arc<Config>,
    /// `true` if middleware further in may change paths, and rules of this limiter depend on them.
    may_be_rewritten: bool,
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
    /// The places where requests have arrived although others were predicted, for paths under rules by pattern.
    reached: RefCell<HashMap<Places, Rc<Cell<u32>>>>,
    /// `true` once requests have arrived where they were expected, for paths under rules by pattern.
    proven: RefCell<HashMap<ArrivalKey, Rc<Cell<bool>>>>,
    rewriting: RefCell<Rewriting>,
}

/// The places that a path may lead to, and a hash of the rules by pattern that cover it.
type ArrivalKey = (Places, u64);

/// Requests choose which routes and plans come about, so there is a bound. Beyond it, all are made anew.
const MAX_ROUTES: usize = 1024;
const MAX_PLANS: usize = 1024;
/// The number of limits in all plans. Many rules by pattern may cover one path, and a dynamic limit remembers one for
/// each of its quotas, so that few plans are large.
const MAX_PLANNED_LIMITS: usize = 64 * 1024;

impl Table {
    /// Reads the rules of the app that serves this request.
    pub(crate) fn new(
        config: Arc<Config>,
        app: Rc<AppRoutes>,
        is_next_to_router: bool,
        req: &ServiceRequest,
    ) -> Self {
        let is_first = app.tree.get().is_none();
        let tree = app.tree.get_or_init(|| RouteTree::of(req.resource_map())).as_ref();
        let routes = tree.into_iter().flat_map(RouteTree::route_patterns);
        let declared = DeclaredRule::all(tree);
        let rules = AppRules::new(&config.settings, routes, &declared);
        warnings::warn(&rules, tree, is_first);
        name_clashes::warn(&rules, &config.settings);
        // Scopes may have middleware, and nothing shows whether they do. It changes rules by pattern only: the others are met
        // on the way.
        let may_have_middleware = tree.is_none_or(RouteTree::has_scopes);
        let may_be_rewritten = !is_next_to_router || (may_have_middleware && !rules.patterns.is_empty());
        let map = tree.map(|tree| Arc::new(RouteMap::new(&config, tree, declared, &rules, req)));
        Self {
            config,
            may_be_rewritten,
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

    /// Returns whether the path of a request may be another one where it arrives, by middleware further in.
    #[inline]
    pub(crate) fn may_be_rewritten(&self) -> bool {
        self.may_be_rewritten
    }

    fn tree(&self) -> Option<&RouteTree> {
        self.app.tree.get().and_then(Option::as_ref)
    }

    /// Predicts where a request arrives that has met some rules so far, and grants what can be granted.
    pub(crate) fn predict(&self, req: &ServiceRequest, met: &[RuleId]) -> Prediction {
        let route = if met.is_empty() { self.route(req) } else { self.route_as_is(req) };
        let mut prediction = Prediction::of(&route, req, met);
        if !prediction.rules.is_empty() {
            prediction.grant(met);
        }
        if prediction.route.lifting.is_on_credit(self.may_be_rewritten) {
            prediction.lift_on_credit(&self.rules.patterns);
        }
        prediction
    }

    /// Returns the place of a request, if it is certain, and the limits there, if they were resolved before and are
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
        let is_usual =
            prediction.is_complete() && !prediction.lifts_nothing && self.in_doubt(prediction).is_empty();
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

    /// Returns whether a request that has arrived, and has met these rules on its way, is exempt from all limits.
    pub(crate) fn is_exempt(&self, met: &[RuleId], req: &ServiceRequest) -> bool {
        self.plan(self.arrival(met, req).1).is_exempt()
    }

    /// The same for a request of which nothing is known but its path, since it was let pass at a certain place.
    pub(crate) fn is_exempt_as_predicted(&self, req: &ServiceRequest) -> bool {
        let predicted = Prediction::of(&self.route_as_is(req), req, &[]);
        self.is_exempt(&predicted.rules, req)
    }

    /// Returns the rules on the scopes that a request is in, from the outermost on. It has met those that were predicted.
    pub(crate) fn rules_entered(&self, req: &ServiceRequest) -> RuleIds {
        let Some(ScopeMarker(scope)) = req.app_data() else { return RuleIds::new() };
        let predicted = Prediction::of(&self.route_as_is(req), req, &[]);
        let rules = &predicted.place().rules;
        let last = rules.iter().rposition(|rule| self.is_on(*rule, *scope));
        last.map_or_else(RuleIds::new, |last| RuleIds::from_slice(&rules[..=last]))
    }

    /// Returns the key of the plan for these rules, at the place that is predicted.
    pub(crate) fn key(&self, prediction: &Prediction, rules: &[RuleId], req: &ServiceRequest) -> PlanKey {
        let mut key = prediction.plan_key(rules, self.counted_as(req.method()), is_preflight(req));
        key.in_doubt = self.in_doubt(prediction);
        key
    }

    /// Returns the place where a request has arrived that has met these rules on its way, and the key of the plan there.
    /// Once it is at its handler, actix knows the pattern.
    pub(crate) fn arrival(&self, rules: &[RuleId], req: &ServiceRequest) -> (Prediction, PlanKey) {
        let route = self.route_as_is(req);
        let pattern = req.match_pattern();
        let arrived_at = pattern.as_deref().filter(|_| is_at_handler(req.request()));
        let predicted = Prediction::of(&route, req, rules);
        let arrival = Prediction::arrival(&route, arrived_at, rules);
        // What nothing takes is counted as the next request of its kind will be.
        let pattern = arrived_at.map(Into::into).or_else(|| predicted.pattern().cloned());
        let place = arrival.unwrap_or(predicted);
        let mut key = self.key(&place, rules, req);
        key.in_doubt.clear();
        key.pattern = pattern;
        (place, key)
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
}
