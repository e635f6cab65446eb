//! What applies where in one app, as one worker knows it.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
};

use actix_web::{dev::ServiceRequest, http::Method};
use smallvec::SmallVec;

use super::{
    app_rules::AppRules,
    hidden,
    label::{counted_as, is_preflight},
    path_variants::variants,
    pattern_index::PatternIndex,
    plan_builder::PlanBuilder,
    prediction::{Prediction, Route},
    recent_paths::RecentPaths,
    registered::Position,
};
use crate::{
    Exempt,
    plan::{
        Plan,
        key::{PlanKey, RuleId},
    },
    settings::Config,
};

/// What applies where in one app.
///
/// The way from a request to its [`Route`] is one look among the paths that came of late; only another path
/// costs a search among the patterns of the app.
pub(crate) struct Table {
    config: Arc<Config>,
    rules: AppRules,
    patterns: Rc<AppPatternIndex>,
    routes: RefCell<HashMap<RouteKey, Rc<Route>>>,
    plans: RefCell<HashMap<PlanKey, Rc<Plan>>>,
    recent: RefCell<RecentPaths>,
    /// Whether a middleware further in changes paths before they are routed.
    is_rewritten: Cell<bool>,
}

/// The patterns of an app, read at its first request, if they can be. They stay while settings come and go.
pub(crate) type AppPatternIndex = OnceCell<Option<PatternIndex>>;

/// The pattern actix will match (none when it will not), and the rules given by pattern that cover the path.
type RouteKey = (Option<Arc<str>>, SmallVec<[usize; 4]>);

impl Table {
    /// Reads the rules of the app that serves this request.
    pub(crate) fn new(config: Arc<Config>, patterns: Rc<AppPatternIndex>, req: &ServiceRequest) -> Self {
        let rules = AppRules::of_app(&config, req);
        hidden::warn(&rules, req.resource_map());
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
    fn pattern(&self, req: &ServiceRequest, path: &str) -> Option<Arc<str>> {
        match self.patterns.get_or_init(|| PatternIndex::of(req.resource_map())) {
            Some(patterns) => patterns.find(path),
            None => req.resource_map().match_pattern(path).map(Arc::from),
        }
    }

    /// The plan for all that `key` says, made once.
    pub(crate) fn plan(&self, key: PlanKey) -> Rc<Plan> {
        if let Some(plan) = self.plans.borrow().get(&key) {
            return Rc::clone(plan);
        }
        let plan =
            Rc::new(PlanBuilder { rules: &self.rules, settings: &self.config.settings, key: &key }.build());
        self.plans.borrow_mut().insert(key, Rc::clone(&plan));
        plan
    }

    /// Returns the plan for a request of which this is predicted.
    #[inline]
    pub(crate) fn predicted_plan(
        &self,
        route: &Route,
        prediction: &Prediction,
        req: &ServiceRequest,
    ) -> Rc<Plan> {
        let method = self.counted_as(req.method());
        let preflight = is_preflight(req);
        if let Some(plan) = prediction.cached_plan(&method, preflight) {
            return plan;
        }
        let mut key = route.plan_key(prediction.rules(), method.clone(), preflight);
        key.delegated_rules = prediction.delegated_rules();
        let plan = self.plan(key);
        prediction.cache_plan(method, preflight, &plan);
        plan
    }

    /// The key of the plan for these rules, met by this request at this route.
    pub(crate) fn key(&self, route: &Route, rules: &[RuleId], req: &ServiceRequest) -> PlanKey {
        route.plan_key(rules, self.counted_as(req.method()), is_preflight(req))
    }

    /// The key of the plan for these rules, which were met by this request on its way. Once it is at its handler,
    /// actix knows the pattern.
    pub(crate) fn key_at(&self, rules: &[RuleId], at: Position, req: &ServiceRequest) -> PlanKey {
        let mut key = self.key(&self.route(req), rules, req);
        if at == Position::Resource
            && let Some(pattern) = req.match_pattern()
        {
            key.pattern = Some(pattern.into());
        }
        key
    }

    /// The method under which a request is counted.
    fn counted_as(&self, method: &Method) -> Method {
        counted_as(method, self.rules.custom_methods())
    }

    pub(crate) fn has_rules_by_pattern(&self) -> bool {
        !self.rules.patterns.is_empty()
    }

    /// Whether a rule stands on this scope.
    pub(crate) fn is_on(&self, rule: RuleId, scope: RuleId) -> bool {
        self.rules.is_on(rule, scope)
    }

    /// Whether it is known that a middleware further in changes paths.
    pub(crate) fn is_rewritten(&self) -> bool {
        self.is_rewritten.get()
    }

    /// Notes that a request was routed by another path than it came with. From now on paths that match nothing
    /// are taken for what `NormalizePath` would make of them; before that, this would exempt paths that nobody
    /// answers.
    pub(crate) fn note_rewriting(&self, req: &ServiceRequest) {
        if self.is_rewritten.replace(true) {
            return;
        }
        self.recent.take();
        tracing::warn!(
            code = "L015",
            path = %req.match_info().as_str().chars().take(100).collect::<String>(),
            "a middleware inside of the limiter changes paths before they are routed: what applies to them is \
             known only after routing, so other limits are tried first; add it to the app after the limiter, \
             so that it stands outside"
        );
    }

    /// The pattern of a path, or else of what it may become, and the rules given by pattern that cover it; of
    /// those that cover only what it may become just the ones that exempt from nothing.
    fn look_up_rewritten(
        &self,
        req: &ServiceRequest,
        path: &str,
    ) -> (Option<Arc<str>>, SmallVec<[usize; 4]>) {
        let variants = variants(path);
        let all = || std::iter::once(path).chain(variants.iter().map(String::as_str));
        let matching = all().find_map(|path| Some((path, self.pattern(req, path)?)));
        let mut covering = self.rules.covering(matching.as_ref().map_or(path, |(path, _)| path));
        for index in all().flat_map(|path| self.rules.covering(path)) {
            if !covering.contains(&index) && self.rules.patterns[index].rule.exempt == Exempt::NONE {
                covering.push(index);
            }
        }
        covering.sort_unstable();
        (matching.map(|(_, pattern)| pattern), covering)
    }
}
