//! The routes of an app in one worker, as plain data that other threads can list.

use std::{
    hash::{BuildHasher, Hash, Hasher},
    sync::{Arc, OnceLock},
};

use actix_web::{dev::ServiceRequest, http::Method};
use foldhash::fast::FixedState;
use parking_lot::Mutex;

use super::{
    app_rules::{AppRules, DeclaredRule},
    beacon::RuleSite,
    label::{STANDARD, counted_as},
    path_rules::{Covering, union},
    pattern_text::sample,
    plan_builder::PlanBuilder,
    route_tree::{Place, RouteTree, ScopePlace},
};
use crate::{
    RouteLimits,
    linked::Linked,
    plan::{
        key::{PlanKey, RuleIds},
        listing::ListedLimit,
    },
    settings::{Config, path_pattern::PathPattern},
};

/// The routes of an app with their rules, under the settings of one worker.
///
/// It has no plans: those are built when somebody lists the limits.
pub(crate) struct RouteMap {
    config: Arc<Config>,
    rules: Vec<DeclaredRule>,
    places: Vec<MapPlace>,
    fingerprint: OnceLock<u64>,
    /// The generation of the settings under which the names of its limits are known to code.
    named: Mutex<Option<u64>>,
}

/// A place at which the routing of a path may end.
#[derive(Clone, Default)]
struct MapPlace {
    /// Its patterns. Empty for the default service of a scope.
    patterns: Vec<Arc<str>>,
    /// The pattern that it is listed with.
    shown: Option<Arc<str>>,
    /// The prefix of the innermost scope around it.
    prefix: Arc<str>,
    /// The rules that requests meet on their way, from the outermost on.
    registered: RuleIds,
    /// The methods that it takes, as far as they are known.
    methods: Vec<Method>,
}

/// The limits of a route and its methods, with their counts.
pub(crate) struct ListedRoute {
    pub(crate) route: RouteLimits,
    pub(crate) limits: Vec<ListedLimit>,
}

impl RouteMap {
    /// Copies the tree of an app, as far as the limiter of this request is around it.
    pub(super) fn new(
        config: &Arc<Config>,
        tree: &RouteTree,
        rules: Vec<DeclaredRule>,
        by_rule: &AppRules,
        req: &ServiceRequest,
    ) -> Self {
        let reach = Reach::of(tree, req);
        let mut places: Vec<_> = (0..tree.resources.len()).map(Place::Resource).collect();
        let is_app_or_limited = |scope: &usize| *scope == 0 || !tree.scopes[*scope].rules.is_empty();
        places.extend((0..tree.scopes.len()).filter(is_app_or_limited).map(Place::Default));
        places.retain(|place| reach.contains(tree, *place));
        let mut places: Vec<_> = places.into_iter().map(|place| MapPlace::new(tree, place)).collect();
        if let Some(of_given) = OF_GIVEN.if_linked() {
            places.extend(of_given(tree, by_rule, &reach));
        }
        Self::with(config, rules, places)
    }

    fn with(config: &Arc<Config>, rules: Vec<DeclaredRule>, places: Vec<MapPlace>) -> Self {
        let (fingerprint, named) = (OnceLock::new(), Mutex::default());
        Self { config: Arc::clone(config), rules, places, fingerprint, named }
    }

    /// Returns the places of rules alone, for an app whose routes are not known yet.
    pub(super) fn of_rules(config: &Arc<Config>, rules: &[DeclaredRule]) -> Self {
        let places = rules.iter().map(MapPlace::of_rule).chain([MapPlace::default()]).collect();
        Self::with(config, rules.to_vec(), places)
    }

    /// Adds the limits with names to those that code hits by name under these settings, at the first call.
    ///
    /// They may be newer than those of the map: its worker replaces it at its next request.
    pub(crate) fn add_names(&self, config: &Arc<Config>) {
        let mut named = self.named.lock();
        if named.replace(config.generation) == Some(config.generation) {
            return;
        }
        let routes = if config.generation == self.config.generation {
            self.list()
        } else {
            Self::with(config, self.rules.clone(), self.places.clone()).list()
        };
        for listed in routes.iter().flat_map(|route| &route.limits) {
            for (scope, policy) in &listed.counts {
                config.settings.bound_names.add(scope, policy, listed.binding.as_ref());
            }
        }
    }

    /// Returns the number of times that the settings had been replaced.
    pub(crate) fn generation(&self) -> u64 {
        self.config.generation
    }

    /// Returns a hash of all that lists show, to recognise the same app in another worker.
    pub(crate) fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| {
            let mut hasher = FixedState::default().build_hasher();
            for rule in &self.rules {
                rule.outline().hash(&mut hasher);
            }
            for place in &self.places {
                let number = |id| self.rules.iter().position(|rule| rule.id() == id);
                let rules: Vec<_> = place.registered.iter().map(|id| number(*id)).collect();
                (&place.patterns, &place.shown, &place.prefix, &place.methods, rules).hash(&mut hasher);
            }
            hasher.finish()
        })
    }

    /// Lists the limits of all routes, and then of unmatched paths.
    pub(crate) fn list(&self) -> Vec<ListedRoute> {
        let patterns = self.places.iter().flat_map(|place| place.patterns.iter().map(|pattern| &**pattern));
        self.list_by(&AppRules::new(&self.config.settings, patterns, &self.rules))
    }

    /// The same by other rules.
    pub(super) fn list_by(&self, rules: &AppRules) -> Vec<ListedRoute> {
        let methods = self.methods(rules);
        self.places.iter().flat_map(|place| self.list_place(place, rules, &methods)).collect()
    }

    /// Returns the methods that may have limits of their own, and one for all others. If a limit counts methods apart, all
    /// standard ones, for the sake of their counts.
    fn methods(&self, rules: &AppRules) -> Vec<Method> {
        let mut methods: Vec<Method> = Vec::new();
        for method in rules.custom_methods().iter().filter(|method| **method != Method::HEAD) {
            if !methods.contains(method) {
                methods.push(method.clone());
            }
        }
        let is_all = rules.counts_methods_apart(&self.config.settings);
        let others: Vec<_> = STANDARD.into_iter().filter(|method| !methods.contains(method)).collect();
        // Others come first, so that they are the usual ones among equals.
        others.into_iter().take(if is_all { usize::MAX } else { 1 }).chain(methods).collect()
    }

    /// Lists the limits of a place, once for all methods that have the same.
    fn list_place(&self, place: &MapPlace, rules: &AppRules, all: &[Method]) -> Vec<ListedRoute> {
        let covering = place.covering(rules);
        let methods = if place.methods.is_empty() { all } else { &place.methods };
        let mut listed: Vec<ListedRoute> = Vec::new();
        for method in methods {
            let route = self.list_method(place, rules, &covering, method);
            match listed.iter_mut().find(|other| other.is_same(&route)) {
                Some(other) => other.add(route),
                None => listed.push(route),
            }
        }
        if place.methods.is_empty()
            && let Some(others) = listed.first_mut()
        {
            others.route.methods.clear();
        }
        listed
    }

    fn list_method(
        &self,
        place: &MapPlace,
        rules: &AppRules,
        covering: &Covering,
        method: &Method,
    ) -> ListedRoute {
        let settings = &self.config.settings;
        let key = PlanKey {
            pattern: place.patterns.first().cloned(),
            covering: covering.clone(),
            registered: place.registered.clone(),
            method: counted_as(method, rules.custom_methods()),
            ..PlanKey::default()
        };
        let plan = PlanBuilder { rules, settings, key: &key }.build();
        let mut limits = plan.listed();
        if key.pattern.is_none() && !settings.defaults.on_unmatched {
            limits.retain(|limit| limit.limit.level != "default");
        }
        let route = RouteLimits {
            pattern: place.shown.clone(),
            prefix: Arc::clone(&place.prefix),
            methods: vec![method.clone()],
            is_exempt: plan.is_exempt(),
            limits: limits.iter().map(|listed| listed.limit.clone()).collect(),
        };
        ListedRoute { route, limits }
    }
}

impl ListedRoute {
    /// Returns whether both have the same limits, whatever their methods and counts.
    fn is_same(&self, other: &Self) -> bool {
        self.route.limits == other.route.limits && self.route.is_exempt == other.route.is_exempt
    }

    /// Adds the methods of another, and their counts.
    fn add(&mut self, other: Self) {
        self.route.methods.extend(other.route.methods);
        for (own, other) in self.limits.iter_mut().zip(other.limits) {
            for count in other.counts {
                if !own.counts.contains(&count) {
                    own.counts.push(count);
                }
            }
        }
    }
}

/// Returns the places of rules by pattern. Linked if there may be any.
static OF_GIVEN: Linked<OfGivenFn> = Linked::new();

type OfGivenFn = fn(&RouteTree, &AppRules, &Reach) -> Vec<MapPlace>;

pub(super) fn link_path_rules() {
    OF_GIVEN.link(MapPlace::of_given);
}

/// A segment that no route has.
const UNMATCHED: &str = "/\u{1}";

impl MapPlace {
    fn new(tree: &RouteTree, place: Place) -> Self {
        let (patterns, scope) = match place {
            Place::Resource(number) => {
                (tree.resources[number].patterns.clone(), tree.resources[number].scope)
            }
            Place::Default(scope) => (Vec::new(), scope),
        };
        let methods = match tree.rule_of(place).map(|beacon| &beacon.site) {
            Some(RuleSite::Resource(spec)) => spec.methods().to_vec(),
            _ => Vec::new(),
        };
        let (shown, prefix) = (patterns.first().cloned(), Arc::clone(&tree.scopes[scope].prefix));
        Self { patterns, shown, prefix, registered: tree.rules_of(place), methods }
    }

    /// Returns the place of a rule. That of a scope is all its paths.
    fn of_rule(rule: &DeclaredRule) -> Self {
        let (pattern, methods) = rule.route().unzip();
        Self {
            patterns: pattern.clone().into_iter().collect(),
            shown: pattern,
            prefix: Arc::clone(rule.prefix()),
            registered: RuleIds::from_slice(&[rule.id()]),
            methods: methods.unwrap_or_default().to_vec(),
        }
    }

    /// Returns the places of those rules by pattern that no route or scope has.
    fn of_given(tree: &RouteTree, rules: &AppRules, reach: &Reach) -> Vec<Self> {
        let given = rules.patterns.all.iter().enumerate().filter_map(|(number, rule)| {
            let (pattern, methods) = match &rule.pattern {
                PathPattern::Route(pattern, methods) => {
                    (pattern, Some(methods).filter(|_| !rules.patterns.has_route(number))?)
                }
                PathPattern::Scope(_) => return Self::of_given_scope(tree, rule.pattern.prefix()?, reach),
            };
            let place = tree.places(&sample(pattern.pattern()?)?).first().copied()?;
            let there = Self::new(tree, place);
            let methods = if methods.is_empty() { there.methods.clone() } else { methods.clone() };
            let shown = Some(pattern.pattern()?.into());
            reach.contains(tree, place).then_some(Self { shown, methods, ..there })
        });
        given.collect()
    }

    /// Returns the place of the unmatched paths under a prefix, if that is not the prefix of a scope with a rule.
    fn of_given_scope(tree: &RouteTree, prefix: &str, reach: &Reach) -> Option<Self> {
        let is_listed = |scope: &ScopePlace| scope.parent.is_none() || !scope.rules.is_empty();
        if tree.scopes.iter().any(|scope| *scope.prefix == *prefix && is_listed(scope)) {
            return None;
        }
        let place = tree.places(&format!("{}{UNMATCHED}", sample(prefix)?)).first().copied()?;
        let there = Self::new(tree, place);
        let own = Self { shown: None, prefix: prefix.into(), ..there };
        reach.contains(tree, place).then_some(own)
    }

    /// Returns the rules given by pattern that cover the place.
    fn covering(&self, rules: &AppRules) -> Covering {
        let patterns = &rules.patterns;
        let path = match &self.shown {
            Some(pattern) => sample(pattern),
            None => sample(&self.prefix).map(|prefix| format!("{prefix}{UNMATCHED}")),
        };
        let mut by_path = path.map(|path| patterns.of_path(&path)).unwrap_or_default();
        let is_scope = |rule: &usize| matches!(patterns.all[*rule].pattern, PathPattern::Scope(_));
        match &self.shown {
            // Of the paths that no route matches, only rules for scopes cover all.
            None => by_path.retain(|rule| is_scope(rule)),
            Some(_) if self.patterns.is_empty() => by_path.retain(|rule| !patterns.has_route(*rule)),
            Some(_) => {}
        }
        union(&by_path, &patterns.of_route(self.patterns.iter().map(|pattern| &**pattern)))
    }
}

/// The part of an app that a limiter is around.
enum Reach {
    App,
    Scopes(Vec<usize>),
    /// A resource.
    Place(Option<Place>),
}

impl Reach {
    fn of(tree: &RouteTree, req: &ServiceRequest) -> Self {
        let path = req.match_info().as_str();
        let taken = path.len() - req.match_info().unprocessed().len();
        if taken == 0 {
            return Self::App;
        }
        let scopes = tree.scopes_that_take(path, taken);
        if scopes.is_empty() { Self::Place(tree.places(path).first().copied()) } else { Self::Scopes(scopes) }
    }

    fn contains(&self, tree: &RouteTree, place: Place) -> bool {
        match self {
            Self::App => true,
            Self::Scopes(scopes) => tree.scopes_of(place).iter().any(|scope| scopes.contains(scope)),
            Self::Place(only) => *only == Some(place),
        }
    }
}
