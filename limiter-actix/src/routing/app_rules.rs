//! The rules of one app.

use std::{collections::HashMap, rc::Rc};

use actix_web::http::Method;

use super::{
    beacon::{self, Beacon, RuleSite},
    path_rules::PathRules,
    pattern_text::depth,
    registered::RegisteredRule,
    route_tree::RouteTree,
};
use crate::{
    Rule,
    plan::key::RuleId,
    settings::{Config, Settings, path_pattern::PathPattern},
};

/// The rules of one app.
#[derive(Default)]
pub(super) struct AppRules {
    pub(super) registered: HashMap<RuleId, AppRule>,
    /// The rules on scopes, the outermost first; of one prefix in the order in which they were registered.
    pub(super) scopes: Vec<ScopeRule>,
    /// The rules on resources, with their full patterns, in the order in which actix tries them.
    pub(super) resources: Vec<(String, Rc<Beacon>)>,
    /// The rules given by pattern.
    pub(super) patterns: PathRules,
    custom_methods: Vec<Method>,
}

/// A registered rule in an app.
pub(super) struct AppRule {
    pub(super) registered: Rc<RegisteredRule>,
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

impl AppRules {
    /// Returns the rules of an app, or all of this thread if its tree is unreadable. Those of other apps are never
    /// met.
    pub(super) fn new(config: &Config, tree: Option<&RouteTree>) -> Self {
        let routes = tree.into_iter().flat_map(RouteTree::route_patterns);
        let patterns = PathRules::new(config.settings.patterns.clone(), routes);
        let mut rules = Self { patterns, ..Self::default() };
        match tree {
            Some(tree) => tree.beacons.iter().for_each(|(prefix, beacon)| rules.add(prefix, beacon)),
            None => beacon::all()
                .iter()
                .for_each(|beacon| rules.add(&beacon.prefix().unwrap_or_default(), beacon)),
        }
        rules.custom_methods = rules.methods_in_rules(&config.settings);
        rules
    }

    fn add(&mut self, prefix: &str, beacon: &Rc<Beacon>) {
        let mut modules = Vec::new();
        match &beacon.site {
            RuleSite::Scope(scope) => {
                let rule = ScopeRule { id: beacon.rule.id, prefix: prefix.to_owned(), scope: *scope };
                let depth_of_rule = depth(prefix);
                let at = self.scopes.partition_point(|other| depth(&other.prefix) <= depth_of_rule);
                self.scopes.insert(at, rule);
            }
            RuleSite::Resource(route) => {
                let full = |(module, rule): &(String, Rule)| (format!("{prefix}{module}"), rule.clone());
                modules.extend(beacon.rule.around.iter().map(full));
                self.resources.push((format!("{prefix}{}", route.path()), Rc::clone(beacon)));
            }
        }
        let registered = Rc::clone(&beacon.rule);
        self.registered.insert(beacon.rule.id, AppRule { registered, modules });
    }

    pub(super) fn custom_methods(&self) -> &[Method] {
        &self.custom_methods
    }

    /// Returns whether a rule stands on this scope.
    pub(super) fn is_on(&self, rule: RuleId, scope: RuleId) -> bool {
        self.scopes.iter().any(|there| there.id == rule && there.scope == scope)
    }

    fn methods_in_rules(&self, settings: &Settings) -> Vec<Method> {
        let registered =
            self.registered.values().flat_map(|rule| rule.registered.rules()).map(|rule| &rule.limits);
        let patterns = self.patterns.all.iter().map(|pattern| &pattern.rule.limits);
        let tiers = [&settings.defaults.limits, &settings.application, &settings.meta];
        let tiers = tiers.into_iter().chain(&settings.failure.limits);
        let limits = registered.chain(patterns).chain(tiers).flat_map(|limits| &limits.0);
        let of_patterns = self.patterns.all.iter().flat_map(|rule| match &rule.pattern {
            PathPattern::Route(_, methods) => methods.as_slice(),
            PathPattern::Scope(_) => &[],
        });
        limits.flat_map(|limit| &limit.methods).chain(of_patterns).cloned().collect()
    }
}
