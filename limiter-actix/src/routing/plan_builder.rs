//! Builds one plan: binds the limits that may apply to their levels and scopes.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use limiter_core::Scope;

use super::{
    app_rules::{AppRules, ScopeRule},
    label::{counted_as, labels},
    pattern_text::depth,
};
use crate::{
    Exempt, Limit, Limits, Rule,
    limit::callback::Text,
    plan::{
        DeclaredLimit, Plan, PlannedLevel,
        bound_limit::{LimitSlot, Tier},
        key::{PlanKey, RuleId},
    },
    report::{route_limits::LimitOrigin, setting_source::SettingSource},
    settings::{
        Settings,
        path_pattern::{PathPattern, PatternRule},
    },
};

mod rule_place;

use self::rule_place::{RulePlace, numbered};

/// Builds the plan of one [`PlanKey`].
pub(super) struct PlanBuilder<'a> {
    pub(super) rules: &'a AppRules,
    pub(super) settings: &'a Settings,
    pub(super) key: &'a PlanKey,
}

/// A rule with its place.
struct NamedRule<'a> {
    place: RulePlace,
    rule: &'a Rule,
    /// `false` if it exempts from nothing and overrides nothing.
    lifts: bool,
}

/// The rules of one scope.
struct ScopeGroup<'a> {
    prefix: &'a str,
    depth: usize,
    /// `None` if no scope has these rules, because they belong to a module or a pattern.
    scope: Option<RuleId>,
    rules: Vec<NamedRule<'a>>,
}

impl ScopeGroup<'_> {
    fn is_of(&self, scope: &ScopeRule) -> bool {
        self.prefix == scope.prefix && self.scope == Some(scope.scope)
    }
}

impl PlanBuilder<'_> {
    /// Builds the plan.
    pub(super) fn build(&self) -> Plan {
        let application = self.bind_setting(&self.settings.application, Tier::Application);
        let meta = self.bind_setting(&self.settings.meta, Tier::Meta);
        let mut levels = vec![self.default_level()];
        levels.extend(self.scope_levels());
        levels.push(self.route_level());
        Plan::new(meta, application, levels, self.settings).with_outage_limits(self.outage_limits())
    }

    fn default_level(&self) -> PlannedLevel {
        let limits = self.defaults().map(|limits| self.bind_setting(limits, Tier::Default));
        PlannedLevel { exempt: Exempt::NONE, limits: limits.unwrap_or_default().into() }
    }

    /// Returns the default limits, if they hold for such a request.
    fn defaults(&self) -> Option<&Limits> {
        let holds = self.settings.defaults.on_preflight || !self.key.preflight;
        holds.then_some(&self.settings.defaults.limits)
    }

    /// Returns the limits that replace those decided in memory while the storage fails. They count per route.
    fn outage_limits(&self) -> Vec<DeclaredLimit> {
        let limits = self.settings.failure.limits.as_ref();
        let place = self.place_of_setting("fallback", "in_memory_fallback");
        limits.map(|limits| self.bind(limits, Tier::Route, &place)).unwrap_or_default()
    }

    /// Binds the limits of a setting, whose label is that of its tier.
    fn bind_setting(&self, limits: &Limits, tier: Tier) -> Vec<DeclaredLimit> {
        let setting = match tier {
            Tier::Meta => "meta_limits",
            Tier::Application => "application_limits",
            _ => "default_limits",
        };
        self.bind(limits, tier, &self.place_of_setting(tier.label(), setting))
    }

    /// Returns one level for each scope, the outermost first.
    ///
    /// A rule by path pattern belongs to the scope of its prefix.
    fn scope_levels(&self) -> Vec<PlannedLevel> {
        // Modules first, so that rules with the prefix of a module join the innermost one.
        let mut groups = self.modules();
        self.add_registered_scopes(&mut groups);
        self.add_pattern_scopes(&mut groups);
        let mut ordered: Vec<ScopeGroup<'_>> = Vec::with_capacity(groups.len());
        for group in groups {
            let at = ordered.partition_point(|other| other.depth <= group.depth);
            ordered.insert(at, group);
        }
        let levels = ordered.into_iter().enumerate();
        levels.map(|(index, group)| self.level(Tier::Scope(index), group.rules)).collect()
    }

    fn add_registered_scopes<'a>(&'a self, groups: &mut Vec<ScopeGroup<'a>>) {
        for scope in self.registered_scopes() {
            let origin = || format!("scope {}", scope.prefix);
            let rule = self.registered(scope.id, self.name_of_scope(scope), origin);
            match groups.iter_mut().find(|group| group.is_of(scope)) {
                Some(group) => group.rules.extend(rule),
                None => groups.push(ScopeGroup {
                    prefix: &scope.prefix,
                    depth: depth(&scope.prefix),
                    scope: Some(scope.scope),
                    rules: rule.into_iter().collect(),
                }),
            }
        }
    }

    fn add_pattern_scopes<'a>(&'a self, groups: &mut Vec<ScopeGroup<'a>>) {
        for (prefix, rule) in self.pattern_scopes() {
            match groups.iter_mut().rfind(|group| group.prefix == prefix) {
                Some(group) => group.rules.push(rule),
                None => {
                    groups.push(ScopeGroup { prefix, depth: depth(prefix), scope: None, rules: vec![rule] });
                }
            }
        }
    }

    /// Returns the `#[scope]` modules around a handler, all at the depth of the innermost.
    ///
    /// actix does not prepend the prefix of an outer module to the paths of an inner one.
    fn modules(&self) -> Vec<ScopeGroup<'_>> {
        let Some(id) = self.key.registered.last() else { return Vec::new() };
        let modules = self.rules.registered_rule(*id).map_or(&[][..], |rule| rule.modules.as_slice());
        let depth = modules.last().map_or(0, |(innermost, _)| depth(innermost));
        let is_local = !self.key.delegated_rules.contains(id);
        let groups = modules.iter().enumerate().map(|(index, (prefix, rule))| {
            let number = modules[..index].iter().filter(|(earlier, _)| earlier == prefix).count();
            let origin = LimitOrigin::new(format!("module {prefix}"), SettingSource::Code);
            let label = numbered(format!("module {prefix}"), number);
            let place = RulePlace { label, origin, is_local };
            ScopeGroup { prefix, depth, scope: None, rules: vec![NamedRule { place, rule, lifts: true }] }
        });
        groups.collect()
    }

    /// Returns the scopes with a rule, the outermost first.
    fn registered_scopes(&self) -> impl Iterator<Item = &ScopeRule> {
        let scopes = &self.rules.scopes;
        self.key.registered.iter().filter_map(|id| scopes.iter().find(|scope| scope.id == *id))
    }

    fn pattern_scopes(&self) -> impl Iterator<Item = (&str, NamedRule<'_>)> {
        self.key.covering.iter().filter_map(|index| match &self.rules.patterns.all[*index] {
            PatternRule { pattern: PathPattern::Scope(prefix), rule, .. } => {
                let named = self.by_pattern(*index, rule);
                Some((prefix.pattern().unwrap_or_default(), named))
            }
            PatternRule { .. } => None,
        })
    }

    fn route_level(&self) -> PlannedLevel {
        let patterns = &self.rules.patterns;
        let own = self.key.pattern.as_ref();
        let is_in_doubt =
            |index: &usize| self.key.in_doubt.iter().any(|(rule, at)| rule == index && Some(at) == own);
        let given =
            self.key.covering.iter().filter(|index| !is_in_doubt(index)).filter_map(|index| match &patterns
                .all[*index]
            {
                PatternRule { pattern: PathPattern::Route(..), rule, .. } => {
                    patterns.is_for(*index, &self.key.method).then(|| self.by_pattern(*index, rule))
                }
                PatternRule { .. } => None,
            });
        let is_scope = |id: &RuleId| self.rules.scopes.iter().any(|scope| scope.id == *id);
        let resource = self.key.registered.last().filter(|id| !is_scope(id));
        let registered =
            resource.and_then(|id| self.registered(*id, self.name_of(*id), || self.origin_of_route(*id)));
        let mut level = self.level(Tier::Route, registered.into_iter().chain(given));
        level.limits = level.limits.into_iter().chain(self.limits_in_doubt()).collect();
        level
    }

    /// Returns the limits of rules by pattern that the request may arrive under, with the default limits there. They
    /// override nothing.
    fn limits_in_doubt(&self) -> Vec<DeclaredLimit> {
        let is_for = |(index, _): &&(usize, _)| self.rules.patterns.is_for(*index, &self.key.method);
        let limits = self.key.in_doubt.iter().filter(is_for).flat_map(|(index, route)| {
            let rule = &self.rules.patterns.all[*index].rule;
            let key = PlanKey { pattern: Some(Arc::clone(route)), ..self.key.clone() };
            let there = PlanBuilder { key: &key, ..*self };
            let place = self.place_of_pattern_rule(*index);
            let mut limits = there.bind(&adding(&rule.limits), Tier::Route, &place);
            if self.key.pattern.as_ref() != Some(route)
                && !rule.exempt.contains(Exempt::DEFAULT)
                && let Some(defaults) = self.defaults()
            {
                limits.extend(there.bind_setting(&adding(defaults), Tier::Default));
            }
            limits
        });
        limits.collect()
    }

    /// Returns a rule given by pattern.
    fn by_pattern<'r>(&self, index: usize, rule: &'r Rule) -> NamedRule<'r> {
        NamedRule { place: self.place_of_pattern_rule(index), rule, lifts: !self.key.lifts_nothing }
    }

    /// Returns a registered rule under this label.
    fn registered(
        &self,
        id: RuleId,
        label: String,
        origin: impl FnOnce() -> String,
    ) -> Option<NamedRule<'_>> {
        let rule = &self.rules.registered_rule(id)?.registered.rule;
        let origin = LimitOrigin::new(origin(), SettingSource::Code);
        let is_local = !self.key.delegated_rules.contains(&id);
        Some(NamedRule { place: RulePlace { label, origin, is_local }, rule, lifts: true })
    }

    fn level<'r>(&self, tier: Tier, rules: impl IntoIterator<Item = NamedRule<'r>>) -> PlannedLevel {
        let mut exempt = Exempt::NONE;
        let mut limits = Vec::new();
        for NamedRule { place, rule, lifts } in rules {
            if lifts {
                exempt |= rule.exempt;
                limits.extend(self.bind(&rule.limits, tier, &place));
            } else {
                limits.extend(self.bind(&adding(&rule.limits), tier, &place));
            }
        }
        PlannedLevel { exempt, limits: limits.into() }
    }

    fn bind(&self, limits: &Limits, tier: Tier, place: &RulePlace) -> Vec<DeclaredLimit> {
        let RulePlace { label, origin, is_local } = place;
        let labelled = limits.0.iter().zip(labels(label, &limits.0));
        let covering = labelled.filter(|(limit, _)| limit.covers(&self.key.method));
        let limits = covering.map(|(limit, label)| {
            let (scope, origin) = (self.scope(limit, tier), origin.clone());
            let limit = self.settings.shadows.apply(limit, &origin);
            let slot = LimitSlot { tier, scope, label, origin, is_local: *is_local };
            DeclaredLimit::new(&limit, slot, self.settings)
        });
        limits.collect()
    }

    /// Returns the scope that shares the count of a limit.
    fn scope(&self, limit: &Limit, tier: Tier) -> Scope {
        let prefix = &*self.settings.prefix;
        let pattern = self.key.pattern.as_deref();
        let mut parts = vec![prefix];
        let split = limit.per_method || (tier == Tier::Default && self.settings.defaults.per_method);
        let split = split && !(tier == Tier::Default && pattern.is_none());
        let method = if split { self.key.method.as_str() } else { "" };
        match (&limit.shared, tier, pattern) {
            (Some(Text::Fixed(name)), ..) => parts.extend(["shared", method, name]),
            // The function adds the name for each request.
            (Some(Text::With(_)), ..) => parts.extend(["shared", method]),
            (None, Tier::Meta, _) => parts.push("meta"),
            (None, Tier::Application, _) => parts.push("application"),
            (None, _, Some(pattern)) => parts.extend(["route", pattern]),
            (None, _, None) => parts.push("unmatched"),
        }
        if split && limit.shared.is_none() {
            parts.push(method);
        }
        Scope::new(parts)
    }
}

/// Returns limits that override nothing.
fn adding(limits: &Limits) -> Limits {
    Limits(limits.0.iter().map(|limit| limit.clone().override_defaults(false)).collect())
}

/// Returns the plan of a request without a route table, for its meta limits.
pub(crate) fn plan_of_meta_limits(settings: &Settings, req: &ServiceRequest) -> Plan {
    let rules = &AppRules::default();
    let key = PlanKey { method: counted_as(req.method(), &[]), ..PlanKey::default() };
    PlanBuilder { rules, settings, key: &key }.build()
}
