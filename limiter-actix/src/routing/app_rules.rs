//! The rules of one app.

use std::{hash::Hash, iter, sync::Arc};

use actix_web::http::Method;

use super::{
    beacon::{self, Beacon, RuleSite},
    path_rules::PathRules,
    pattern_text::depth,
    registered::RegisteredRule,
    route_tree::RouteTree,
};
use crate::{
    Limit, Rule,
    plan::key::RuleId,
    settings::{Settings, path_pattern::PathPattern},
};

/// The rules of one app.
#[derive(Default)]
pub(super) struct AppRules {
    /// In the order of the rules.
    registered: Vec<AppRule>,
    /// The rules on scopes, the outermost first; of one prefix in the order in which they were registered.
    pub(super) scopes: Vec<ScopeRule>,
    /// The rules on resources, in the order in which actix tries them.
    pub(super) resources: Vec<ResourceRule>,
    /// The rules given by pattern.
    pub(super) patterns: PathRules,
    custom_methods: Vec<Method>,
}

/// A registered rule in an app.
pub(super) struct AppRule {
    pub(super) registered: Arc<RegisteredRule>,
    /// The prefixes and rules of the `#[scope]` modules around a handler, the outermost first.
    pub(super) modules: Vec<(String, Rule)>,
}

/// A rule on a scope.
pub(super) struct ScopeRule {
    pub(super) id: RuleId,
    pub(super) prefix: String,
    /// The first of the rules on this scope.
    pub(super) scope: RuleId,
}

/// A rule on a resource.
pub(super) struct ResourceRule {
    pub(super) id: RuleId,
    /// The full pattern.
    pub(super) pattern: String,
    /// The methods of the resource, as far as they are known.
    pub(super) methods: Vec<Method>,
}

/// A rule as it is declared in an app, without what only its thread can use.
#[derive(Clone)]
pub(super) struct DeclaredRule {
    /// The full prefix of the scope around it.
    prefix: Arc<str>,
    rule: Arc<RegisteredRule>,
    site: DeclaredSite,
}

#[derive(Clone)]
enum DeclaredSite {
    /// Named by the first of the rules on this scope.
    Scope(RuleId),
    Resource {
        path: String,
        methods: Vec<Method>,
    },
}

impl DeclaredRule {
    fn new(prefix: Arc<str>, beacon: &Beacon) -> Self {
        let site = match &beacon.site {
            RuleSite::Scope(scope) => DeclaredSite::Scope(*scope),
            RuleSite::Resource(route) => {
                DeclaredSite::Resource { path: route.path().to_owned(), methods: route.methods().to_vec() }
            }
        };
        Self { prefix, rule: Arc::clone(&beacon.rule), site }
    }

    pub(super) fn id(&self) -> RuleId {
        self.rule.id
    }

    pub(super) fn prefix(&self) -> &Arc<str> {
        &self.prefix
    }

    /// Returns the full pattern and the methods of a resource. `None` for a scope.
    pub(super) fn route(&self) -> Option<(Arc<str>, &[Method])> {
        match &self.site {
            DeclaredSite::Scope(_) => None,
            DeclaredSite::Resource { path, methods } => {
                Some((format!("{}{path}", self.prefix).into(), methods))
            }
        }
    }

    /// Returns all that is comparable with a rule of another thread.
    pub(super) fn outline(&self) -> impl Hash {
        let path = match &self.site {
            DeclaredSite::Scope(_) => None,
            DeclaredSite::Resource { path, methods } => Some((path.clone(), methods.clone())),
        };
        (Arc::clone(&self.prefix), path, format!("{:?} {:?}", self.rule.around, self.rule.rule))
    }

    /// Returns the rules of an app, or all of this thread if its tree is unreadable. Those of other apps are never met.
    pub(super) fn all(tree: Option<&RouteTree>) -> Vec<Self> {
        match tree {
            Some(tree) => {
                tree.beacons.iter().map(|(prefix, beacon)| Self::new(Arc::clone(prefix), beacon)).collect()
            }
            None => beacon::all()
                .iter()
                .map(|beacon| Self::new(beacon.prefix().unwrap_or_default().into(), beacon))
                .collect(),
        }
    }
}

impl AppRules {
    /// Returns the rules of an app with these routes.
    pub(super) fn new<'p>(
        settings: &Settings,
        routes: impl Iterator<Item = &'p str>,
        declared: &[DeclaredRule],
    ) -> Self {
        let patterns = PathRules::new(settings.patterns.clone(), routes);
        let mut rules = Self { patterns, ..Self::default() };
        for rule in declared {
            rules.add(rule);
        }
        rules.custom_methods = rules.methods_in_rules(settings);
        rules
    }

    /// The same without rules by pattern, for an app whose routes are not known yet.
    pub(super) fn registered(settings: &Settings, declared: &[DeclaredRule]) -> Self {
        Self { patterns: PathRules::default(), ..Self::new(settings, iter::empty(), declared) }
    }

    fn add(&mut self, DeclaredRule { prefix, rule, site }: &DeclaredRule) {
        let mut modules = Vec::new();
        match site {
            DeclaredSite::Scope(scope) => {
                let rule = ScopeRule { id: rule.id, prefix: prefix.to_string(), scope: *scope };
                let depth_of_rule = depth(prefix);
                let at = self.scopes.partition_point(|other| depth(&other.prefix) <= depth_of_rule);
                self.scopes.insert(at, rule);
            }
            DeclaredSite::Resource { path, methods } => {
                let full = |(module, rule): &(String, Rule)| (format!("{prefix}{module}"), rule.clone());
                modules.extend(rule.around.iter().map(full));
                let (pattern, methods) = (format!("{prefix}{path}"), methods.clone());
                self.resources.push(ResourceRule { id: rule.id, pattern, methods });
            }
        }
        let rule = AppRule { registered: Arc::clone(rule), modules };
        match self.place_of(rule.registered.id) {
            Ok(at) => self.registered[at] = rule,
            Err(at) => self.registered.insert(at, rule),
        }
    }

    /// Returns a registered rule.
    pub(super) fn registered_rule(&self, id: RuleId) -> Option<&AppRule> {
        self.registered.get(self.place_of(id).ok()?)
    }

    fn place_of(&self, id: RuleId) -> Result<usize, usize> {
        self.registered.binary_search_by_key(&id, |rule| rule.registered.id)
    }

    pub(super) fn custom_methods(&self) -> &[Method] {
        &self.custom_methods
    }

    /// Returns whether a rule stands on this scope.
    pub(super) fn is_on(&self, rule: RuleId, scope: RuleId) -> bool {
        self.scopes.iter().any(|there| there.id == rule && there.scope == scope)
    }

    /// Returns whether any limit has a count for each method.
    pub(super) fn counts_methods_apart(&self, settings: &Settings) -> bool {
        settings.defaults.per_method || self.limits(settings).any(|limit| limit.per_method)
    }

    /// Returns all limits of the app.
    fn limits<'a>(&'a self, settings: &'a Settings) -> impl Iterator<Item = &'a Limit> {
        let registered =
            self.registered.iter().flat_map(|rule| rule.registered.rules()).map(|rule| &rule.limits);
        let patterns = self.patterns.all.iter().map(|pattern| &pattern.rule.limits);
        let tiers = [&settings.defaults.limits, &settings.application, &settings.meta];
        let tiers = tiers.into_iter().chain(&settings.failure.limits);
        registered.chain(patterns).chain(tiers).flat_map(|limits| &limits.0)
    }

    fn methods_in_rules(&self, settings: &Settings) -> Vec<Method> {
        let of_patterns = self.patterns.all.iter().flat_map(|rule| match &rule.pattern {
            PathPattern::Route(_, methods) => methods.as_slice(),
            PathPattern::Scope(_) => &[],
        });
        self.limits(settings).flat_map(|limit| &limit.methods).chain(of_patterns).cloned().collect()
    }
}
