//! The rules of one app.

use std::{collections::HashMap, rc::Rc, sync::Arc};

use actix_web::{dev::ServiceRequest, http::Method};
use smallvec::SmallVec;

use super::{
    beacon::{self, Beacon, RuleSite},
    pattern_text::{depth, is_inside},
    prediction::{Prediction, Route},
    registered::RegisteredRule,
};
use crate::{
    Rule,
    plan::key::{RuleId, RuleIds},
    settings::{
        Config, Settings,
        path_pattern::{PathPattern, PatternRule},
    },
};

/// The rules of one app.
#[derive(Default)]
pub(super) struct AppRules {
    pub(super) registered: HashMap<RuleId, Rc<RegisteredRule>>,
    /// The rules on scopes, the outermost first; of one prefix in the order they were registered.
    pub(super) scopes: Vec<ScopeRule>,
    /// The prefixes and rules of the `#[scope]` modules around each handler, the outermost first.
    pub(super) modules: HashMap<RuleId, Vec<(String, Rule)>>,
    /// The rules on each resource, by its full pattern, in the order actix asks them.
    pub(super) resources: HashMap<String, Vec<Rc<Beacon>>>,
    /// Given by pattern.
    pub(super) patterns: Vec<PatternRule>,
    custom_methods: Vec<Method>,
}

/// A rule on a scope.
pub(super) struct ScopeRule {
    pub(super) id: RuleId,
    pub(super) prefix: String,
    /// The first of the rules on this scope.
    pub(super) scope: RuleId,
}

impl AppRules {
    pub(super) fn of_app(config: &Config, req: &ServiceRequest) -> Self {
        let mut rules = Self { patterns: config.settings.patterns.clone(), ..Self::default() };
        for beacon in beacon::of_app(req) {
            rules.add(beacon);
        }
        rules.scopes.sort_by_key(|scope| depth(&scope.prefix));
        rules.custom_methods = rules.methods_in_rules(&config.settings);
        rules
    }

    fn add(&mut self, beacon: Rc<Beacon>) {
        let Some(prefix) = beacon.prefix() else { return };
        self.registered.insert(beacon.rule.id, Rc::clone(&beacon.rule));
        match &beacon.site {
            RuleSite::Scope(scope) => {
                self.scopes.push(ScopeRule { id: beacon.rule.id, prefix, scope: *scope });
            }
            RuleSite::Resource(route) => {
                let full = |(module, rule): &(String, Rule)| (format!("{prefix}{module}"), rule.clone());
                let modules = beacon.rule.around.iter().map(full).collect();
                self.modules.insert(beacon.rule.id, modules);
                let pattern = format!("{prefix}{}", route.path());
                self.resources.entry(pattern).or_default().push(beacon);
            }
        }
    }

    pub(super) fn custom_methods(&self) -> &[Method] {
        &self.custom_methods
    }

    /// The rules given by pattern that cover a path, as indices.
    pub(super) fn covering(&self, path: &str) -> SmallVec<[usize; 4]> {
        let covers = |rule: &PatternRule| match &rule.pattern {
            PathPattern::Scope(prefix) => prefix.is_match(path),
            PathPattern::Route(route, _) => route.is_match(path),
        };
        (0..self.patterns.len()).filter(|index| covers(&self.patterns[*index])).collect()
    }

    /// What a request will meet that matches `pattern`.
    pub(super) fn route(&self, pattern: Option<Arc<str>>, covering: SmallVec<[usize; 4]>) -> Route {
        let prefix = pattern.as_deref();
        let is_around = |scope: &&ScopeRule| {
            prefix.is_some_and(|pattern| is_inside(pattern, &scope.prefix)) && self.is_predictable(scope)
        };
        let around: RuleIds = self.scopes.iter().filter(is_around).map(|scope| scope.id).collect();
        let here = pattern.as_deref().and_then(|pattern| self.resources.get(pattern));
        let candidates = here
            .into_iter()
            .flatten()
            .map(|beacon| {
                let mut rules = around.clone();
                rules.push(beacon.rule.id);
                (Rc::clone(beacon), Prediction::new(rules))
            })
            .collect();
        Route { pattern, covering, candidates, plain: Prediction::new(around) }
    }

    /// Whether paths tell which requests meet the rule of this scope: not when several scopes of one prefix have
    /// rules, in each other or told apart by guards.
    pub(super) fn is_predictable(&self, scope: &ScopeRule) -> bool {
        let is_rival = |other: &ScopeRule| other.prefix == scope.prefix && other.scope != scope.scope;
        !scope.prefix.is_empty() && !self.scopes.iter().any(is_rival)
    }

    /// Whether a rule stands on this scope.
    pub(super) fn is_on(&self, rule: RuleId, scope: RuleId) -> bool {
        self.scopes.iter().any(|there| there.id == rule && there.scope == scope)
    }

    fn methods_in_rules(&self, settings: &Settings) -> Vec<Method> {
        let registered = self.registered.values().flat_map(|rule| rule.rules()).map(|rule| &rule.limits);
        let patterns = self.patterns.iter().map(|pattern| &pattern.rule.limits);
        let tiers = [&settings.defaults.limits, &settings.application, &settings.meta];
        let tiers = tiers.into_iter().chain(&settings.failure.limits);
        let limits = registered.chain(patterns).chain(tiers).flat_map(|limits| &limits.0);
        let of_patterns = self.patterns.iter().flat_map(|rule| match &rule.pattern {
            PathPattern::Route(_, methods) => methods.as_slice(),
            PathPattern::Scope(_) => &[],
        });
        limits.flat_map(|limit| &limit.methods).chain(of_patterns).cloned().collect()
    }
}
