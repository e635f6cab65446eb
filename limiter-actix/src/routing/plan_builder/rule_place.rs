//! Names the places of rules: unique in the counts, readable in lists.

use super::PlanBuilder;
use crate::{
    plan::key::RuleId,
    report::route_limits::LimitOrigin,
    routing::{
        app_rules::{ResourceRule, ScopeRule},
        label::method_names,
    },
    settings::path_pattern::{PathPattern, PatternRule},
};

/// The place of a rule.
pub(super) struct RulePlace {
    /// Distinguishes its limits from equal ones of the same scope.
    pub(super) label: String,
    /// For lists.
    pub(super) origin: LimitOrigin,
    /// `false` if another limiter decides its limits.
    pub(super) is_local: bool,
}

impl PlanBuilder<'_> {
    pub(super) fn place_of_setting(&self, label: &str, setting: &'static str) -> RulePlace {
        let origin = LimitOrigin::new(setting, self.settings.sources.of(setting));
        RulePlace { label: label.to_owned(), origin, is_local: true }
    }

    pub(super) fn place_of_pattern_rule(&self, index: usize) -> RulePlace {
        let PatternRule { pattern, source, .. } = &self.rules.patterns.all[index];
        let origin = LimitOrigin::new(format!("rule {pattern}"), *source);
        RulePlace { label: self.name_of_pattern_rule(index), origin, is_local: true }
    }

    /// Returns the methods and the pattern of a resource with a rule.
    pub(super) fn origin_of_route(&self, id: RuleId) -> String {
        let resource = self.rules.resources.iter().find(|resource| resource.id == id);
        let methods = resource.map(|resource| method_names(&resource.methods)).unwrap_or_default();
        let separator = if methods.is_empty() { "" } else { " " };
        format!("route {methods}{separator}{}", self.key.pattern.as_deref().unwrap_or_default())
    }

    /// Returns a label that is unique among the routes of one pattern: their methods, and a number if these are equal.
    pub(super) fn name_of(&self, id: RuleId) -> String {
        let pattern = self.key.pattern.as_deref().unwrap_or_default();
        let on_pattern: Vec<&ResourceRule> =
            self.rules.resources.iter().filter(|resource| resource.pattern == pattern).collect();
        let Some(index) = on_pattern.iter().position(|resource| resource.id == id) else {
            return "route".to_owned();
        };
        let methods = |resource: &ResourceRule| method_names(&resource.methods);
        let own = methods(on_pattern[index]);
        let number = on_pattern[..index].iter().filter(|earlier| methods(earlier) == own).count();
        numbered(format!("route {own}"), number)
    }

    /// Returns a label that is unique among the rules of one prefix.
    pub(super) fn name_of_scope(&self, scope: &ScopeRule) -> String {
        let same = self.rules.scopes.iter().filter(|other| other.prefix == scope.prefix);
        let number = same.take_while(|other| other.id != scope.id).count();
        numbered(format!("scope {}", scope.prefix), number)
    }

    /// Returns a label that is unique among the rules of one path pattern.
    fn name_of_pattern_rule(&self, index: usize) -> String {
        let name = |rule: &PatternRule| match &rule.pattern {
            PathPattern::Scope(prefix) => format!("given scope {}", prefix.pattern().unwrap_or_default()),
            PathPattern::Route(route, methods) => {
                format!("given {} {}", method_names(methods), route.pattern().unwrap_or_default())
            }
        };
        let (earlier, own) = (&self.rules.patterns.all[..index], name(&self.rules.patterns.all[index]));
        let number = earlier.iter().filter(|rule| name(rule) == own).count();
        numbered(own, number)
    }
}

/// Returns a label that is unique, given the number of earlier equal ones.
pub(super) fn numbered(name: String, number: usize) -> String {
    if number == 0 { name } else { format!("{name} #{number}") }
}
