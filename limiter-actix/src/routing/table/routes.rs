//! Finds the places that a path may lead to.

use std::{
    cell::Cell,
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
    sync::Arc,
};

use actix_web::dev::ServiceRequest;

use super::{MAX_ROUTES, Table};
use crate::{
    Exempt,
    plan::key::RuleIds,
    routing::{
        candidate::{Candidate, ScopeAround},
        path_rules::{Covering, union},
        rewriting::RewrittenPath,
        route::Route,
        route_tree::{Place, Places, RouteTree},
    },
};

/// The places a path may lead to, and the rules given by pattern that cover the path. Without a tree, the pattern.
pub(super) type RouteKey = (Places, Option<Arc<str>>, Covering);

impl Table {
    /// Returns where a request may go, as far as its path shows.
    ///
    /// It looks at the decoded path, which is the one that actix routes on. The raw one would let `/%73low` reach
    /// `/slow` unseen.
    #[inline]
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
        let results: Vec<RewrittenPath> = self.app.rewriting.borrow().results(path).collect();
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
    fn route_key(&self, req: &ServiceRequest, path: &str, results: &[RewrittenPath]) -> RouteKey {
        let Some(tree) = self.tree() else {
            let mut paths = results.iter().map(|result| result.path.as_str()).chain([path]);
            let pattern = paths.find_map(|path| req.resource_map().match_pattern(path));
            return (Places::new(), pattern.map(Arc::from), self.covering(path, results));
        };
        let leads = |result: &&RewrittenPath| {
            result.is_certain || matches!(tree.places(&result.path).first(), Some(Place::Resource(_)))
        };
        match results.iter().find(leads) {
            // What the path was before covers nothing any more.
            Some(there) if there.is_certain => {
                (tree.places(&there.path), None, self.rules.patterns.of_path(&there.path))
            }
            Some(there) => (tree.places(&there.path), None, self.covering(path, results)),
            None => (tree.places(path), None, self.covering(path, results)),
        }
    }

    /// Returns the rules given by pattern that cover a path, and those that cover only what it may become, as far as
    /// they exempt from nothing.
    fn covering(&self, path: &str, results: &[RewrittenPath]) -> Covering {
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
        let is_proven = if self.may_be_rewritten { self.proven(places, covering) } else { Rc::default() };
        Route::new(candidates, reached, is_proven)
    }

    /// Returns whether such requests have arrived where they were expected. It is kept apart from the routes for the same
    /// reason, and outlives settings. Beyond the bound, each route learns it anew.
    fn proven(&self, places: &Places, covering: &Covering) -> Rc<Cell<bool>> {
        if covering.is_empty() {
            return Rc::default();
        }
        let mut hash = DefaultHasher::new();
        for rule in covering {
            self.rules.patterns.all[*rule].pattern.to_string().hash(&mut hash);
        }
        let key = (places.clone(), hash.finish());
        let mut proven = self.app.proven.borrow_mut();
        if proven.len() >= MAX_ROUTES && !proven.contains_key(&key) {
            return Rc::default();
        }
        Rc::clone(proven.entry(key).or_default())
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
}
