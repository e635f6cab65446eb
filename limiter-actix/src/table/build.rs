//! The rules of one app, and the plans that follow from them.

use std::{collections::HashMap, rc::Rc};

use actix_web::{
    dev::{ResourceDef, ServiceRequest},
    http::Method,
};
use limiter_core::Scope;
use smallvec::{SmallVec, smallvec};

use super::{PlanKey, Prediction, Route, label::labels};
use crate::{
    Exempt, Limit, Limits, Rule,
    beacon::{self, Beacon, Site},
    config::{Config, Pattern, PatternRule, Settings},
    limit::Text,
    plan::{Declared, Place, Plan, PlannedLevel, Tier},
    rule::{RuleId, Standing},
};

/// The rules of one app.
#[derive(Default)]
pub(super) struct Rules {
    standing: HashMap<RuleId, Rc<Standing>>,
    /// The prefix of each scope with a rule, the outermost first.
    scopes: Vec<(String, RuleId)>,
    /// The prefixes and rules of the `#[scope]` modules around each handler, the outermost first.
    modules: HashMap<RuleId, Vec<(String, Rule)>>,
    /// The rules on each resource, by its full pattern, in the order actix asks them.
    resources: HashMap<String, Vec<Rc<Beacon>>>,
    /// Given by pattern.
    patterns: Vec<PatternRule>,
    custom_methods: Vec<Method>,
}

impl Rules {
    pub(super) fn of_app(config: &Config, req: &ServiceRequest) -> Self {
        let mut rules = Self { patterns: config.settings.patterns.clone(), ..Self::default() };
        for beacon in beacon::of_app(req) {
            rules.add(beacon);
        }
        rules.scopes.sort_by_key(|(prefix, _)| depth(prefix));
        rules.custom_methods = rules.methods_in_limits(&config.settings);
        rules.warn_of_hidden(req);
        rules
    }

    fn add(&mut self, beacon: Rc<Beacon>) {
        let Some(prefix) = beacon.prefix() else { return };
        self.standing.insert(beacon.rule.id, Rc::clone(&beacon.rule));
        match &beacon.site {
            Site::Scope => self.scopes.push((prefix, beacon.rule.id)),
            Site::Resource(place) => {
                let full = |(module, rule): &(String, Rule)| (format!("{prefix}{module}"), rule.clone());
                let modules = beacon.rule.around.iter().map(full).collect();
                self.modules.insert(beacon.rule.id, modules);
                let pattern = format!("{prefix}{}", place.path());
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
            Pattern::Scope(prefix) => prefix.is_match(path),
            Pattern::Route(route, _) => route.is_match(path),
        };
        (0..self.patterns.len()).filter(|index| covers(&self.patterns[*index])).collect()
    }

    /// Whether a service that takes all paths under its own matched, such as one for static files, just where
    /// a scope with a rule stands: then it is not inside that scope.
    pub(super) fn is_beside_a_scope(&self, pattern: &str, path: &str) -> bool {
        self.scopes.iter().any(|(prefix, _)| prefix == pattern) && depth(path) > depth(pattern)
    }

    /// What a request will meet that matches `pattern`.
    pub(super) fn route(
        &self,
        pattern: Option<Rc<str>>,
        covering: SmallVec<[usize; 4]>,
        beside: bool,
    ) -> Route {
        let around: SmallVec<[RuleId; 4]> = match &pattern {
            Some(pattern) => self
                .scopes
                .iter()
                .filter(|(prefix, _)| is_inside(pattern, prefix) && !(beside && **prefix == **pattern))
                .map(|(_, id)| *id)
                .collect(),
            None => smallvec![],
        };
        let here = pattern.as_deref().and_then(|pattern| self.resources.get(pattern));
        let candidates = here
            .into_iter()
            .flatten()
            .map(|beacon| {
                let mut standing = around.clone();
                standing.push(beacon.rule.id);
                (Rc::clone(beacon), Prediction::new(standing))
            })
            .collect();
        Route { pattern, covering, candidates, plain: Prediction::new(around) }
    }

    /// Whether a rule stands on a resource that would match this request, wherever other patterns hide it.
    pub(super) fn any_route_rule_for(&self, req: &ServiceRequest) -> bool {
        let path = req.match_info().as_str();
        self.resources.iter().any(|(pattern, beacons)| {
            beacons.iter().any(|beacon| match &beacon.site {
                Site::Resource(place) => {
                    place.admits(req) && ResourceDef::new(pattern.as_str()).is_match(path)
                }
                Site::Scope => false,
            })
        })
    }

    /// Puts together what applies.
    pub(super) fn plan(&self, settings: &Settings, key: &PlanKey) -> Plan {
        let at = Placing { rules: self, settings, key };
        let application = at.placed(&settings.application, Tier::Application, "application", true);
        let meta = at.placed(&settings.meta, Tier::Meta, "meta", true);
        let mut levels = vec![at.default_level()];
        levels.extend(at.scope_levels());
        levels.push(at.route_level());
        Plan::new(meta, application, levels)
    }

    fn methods_in_limits(&self, settings: &Settings) -> Vec<Method> {
        let standing = self.standing.values().flat_map(|standing| standing.rules()).map(|rule| &rule.limits);
        let patterns = self.patterns.iter().map(|pattern| &pattern.rule.limits);
        let tiers = [&settings.defaults.limits, &settings.application, &settings.meta];
        let limits = standing.chain(patterns).chain(tiers).flat_map(|limits| &limits.0);
        limits.flat_map(|limit| limit.methods.iter().cloned()).collect()
    }

    /// Says which rules cannot be known before routing, because another pattern matches first.
    fn warn_of_hidden(&self, req: &ServiceRequest) {
        for pattern in self.resources.keys() {
            let mut sample = String::new();
            let definition = ResourceDef::new(pattern.as_str());
            let built = definition.resource_path_from_iter(&mut sample, std::iter::repeat_n("1", 32));
            if !built || !definition.is_match(&sample) {
                continue;
            }
            let found = req.resource_map().match_pattern(&sample);
            if found.as_deref() != Some(pattern) {
                tracing::warn!(code = "L002", hidden = %pattern, by = found.as_deref().unwrap_or("a scope"),
                    "a limited or exempt route is hidden by another pattern: it is known only after \
                     routing, so other limits are tried first; register it before the other one");
            }
        }
        if self.scopes.iter().any(|(prefix, _)| prefix.is_empty()) {
            tracing::warn!(
                code = "L003",
                "a scope with an empty prefix has a rule: it is known only after routing, so other limits \
                 are tried first; give it a prefix, or declare the rule on its routes"
            );
        }
    }
}

/// The prefix of a scope, what it declares, and whether this limiter decides its limits.
type ScopeRule<'a> = (&'a str, &'a Rule, bool);

/// Puts limits at their places for one plan.
struct Placing<'a> {
    rules: &'a Rules,
    settings: &'a Settings,
    key: &'a PlanKey,
}

impl Placing<'_> {
    fn default_level(&self) -> PlannedLevel {
        let holds = self.settings.defaults.on_preflight || !self.key.preflight;
        let defaults = if holds { &self.settings.defaults.limits } else { &Limits::default() };
        let limits = self.placed(defaults, Tier::Default, "default", true);
        PlannedLevel { exempt: Exempt::NONE, limits: limits.into() }
    }

    /// One level for each prefix, the outermost first.
    fn scope_levels(&self) -> Vec<PlannedLevel> {
        let given = self.key.covering.iter().filter_map(|index| match &self.rules.patterns[*index] {
            PatternRule { pattern: Pattern::Scope(prefix), rule } => {
                Some((prefix.pattern().unwrap_or_default(), rule, true))
            }
            PatternRule { .. } => None,
        });
        let scopes = self.rules.scopes.iter().filter(|(_, id)| self.key.standing.contains(id));
        let standing = scopes.filter_map(|(prefix, id)| {
            let rule = &self.rules.standing.get(id)?.rule;
            Some((prefix.as_str(), rule, !self.key.left_to_others.contains(id)))
        });
        let by_depth = given.chain(standing).map(|scope| (depth(scope.0), scope));
        // Modules come first, so that the innermost meets the others of its prefix.
        let mut all: Vec<(usize, ScopeRule<'_>)> = self.modules().chain(by_depth).collect();
        all.sort_by_key(|(depth, _)| *depth);

        all.chunk_by(|(_, one), (_, other)| one.0 == other.0)
            .enumerate()
            .map(|(index, rules)| {
                let place = format!("scope {}", rules[0].1.0);
                let rules = rules.iter().map(|(_, (_, rule, ours))| (*rule, *ours));
                self.level(Tier::Scope(index), &place, rules)
            })
            .collect()
    }

    /// The rules of the `#[scope]` modules around a handler, all at the depth of the innermost: actix does not
    /// put the prefix of one around another before its paths.
    fn modules(&self) -> impl Iterator<Item = (usize, ScopeRule<'_>)> {
        let id = self.key.standing.last();
        let ours = id.is_some_and(|id| !self.key.left_to_others.contains(id));
        let modules = id.and_then(|id| self.rules.modules.get(id)).map_or(&[][..], Vec::as_slice);
        let depth = modules.last().map_or(0, |(innermost, _)| depth(innermost));
        modules.iter().map(move |(prefix, rule)| (depth, (prefix.as_str(), rule, ours)))
    }

    fn route_level(&self) -> PlannedLevel {
        let given = self.key.covering.iter().filter_map(|index| match &self.rules.patterns[*index] {
            PatternRule { pattern: Pattern::Route(_, methods), rule } => {
                (methods.is_empty() || methods.contains(&self.key.method)).then_some((rule, true))
            }
            PatternRule { .. } => None,
        });
        let resource = self.key.standing.last().and_then(|id| self.route_rule(*id));
        let place = resource.as_ref().map_or("route", |(place, ..)| place);
        let standing = resource.iter().map(|(_, rule, ours)| (*rule, *ours));
        self.level(Tier::Route, place, given.chain(standing))
    }

    /// A rule that stands on a resource, if it is one, with the name of its place.
    fn route_rule(&self, id: RuleId) -> Option<(String, &Rule, bool)> {
        if self.rules.scopes.iter().any(|(_, scope)| *scope == id) {
            return None;
        }
        let rule = &self.rules.standing.get(&id)?.rule;
        let ours = !self.key.left_to_others.contains(&id);
        Some((self.name_of(id), rule, ours))
    }

    /// Tells routes of the same pattern apart: by their methods, and equal ones by their number.
    fn name_of(&self, id: RuleId) -> String {
        let pattern = self.key.pattern.as_deref().unwrap_or_default();
        let beacons = self.rules.resources.get(pattern).map_or(&[][..], Vec::as_slice);
        let methods = |beacon: &Beacon| match &beacon.site {
            Site::Resource(place) => place.method_names(),
            Site::Scope => String::new(),
        };
        let Some(index) = beacons.iter().position(|beacon| beacon.rule.id == id) else {
            return "route".to_owned();
        };
        let own = methods(&beacons[index]);
        match beacons[..index].iter().filter(|earlier| methods(earlier) == own).count() {
            0 => format!("route {own}"),
            number => format!("route {own} #{number}"),
        }
    }

    fn level<'r>(
        &self,
        tier: Tier,
        place: &str,
        rules: impl Iterator<Item = (&'r Rule, bool)>,
    ) -> PlannedLevel {
        let mut exempt = Exempt::NONE;
        let mut limits = Vec::new();
        for (number, (rule, ours)) in rules.enumerate() {
            exempt |= rule.exempt;
            let place = if number == 0 { place.to_owned() } else { format!("{place} +{number}") };
            limits.extend(self.placed(&rule.limits, tier, &place, ours));
        }
        PlannedLevel { exempt, limits: limits.into() }
    }

    fn placed(&self, limits: &Limits, tier: Tier, place: &str, ours: bool) -> Vec<Declared> {
        let labelled = limits.0.iter().zip(labels(place, &limits.0));
        let covering = labelled.filter(|(limit, _)| limit.covers(&self.key.method));
        let placed = covering.map(|(limit, label)| {
            let place = Place { tier, scope: self.scope(limit, tier), label, ours };
            Declared::new(limit, place, self.settings)
        });
        placed.collect()
    }

    /// What shares the count of a limit.
    fn scope(&self, limit: &Limit, tier: Tier) -> Scope {
        let prefix = &*self.settings.prefix;
        let pattern = self.key.pattern.as_deref();
        let mut parts = vec![prefix];
        match (&limit.shared, tier, pattern) {
            (Some(Text::Fixed(name)), ..) => parts.extend(["shared", name]),
            // The function adds the name to this.
            (Some(Text::With(_)), ..) => parts.push("shared"),
            (None, Tier::Meta, _) => parts.push("meta"),
            (None, Tier::Application, _) => parts.push("application"),
            (None, _, Some(pattern)) => parts.extend(["route", pattern]),
            (None, _, None) => parts.push("unmatched"),
        }
        let split = limit.per_method || (tier == Tier::Default && self.settings.defaults.per_method);
        if split && !(tier == Tier::Default && pattern.is_none()) {
            parts.push(self.key.method.as_str());
        }
        Scope::new(parts)
    }
}

/// How many segments a pattern or a path has.
fn depth(pattern: &str) -> usize {
    pattern.bytes().filter(|byte| *byte == b'/').count()
}

/// Whether a pattern lies in the scope of this prefix. An empty prefix tells nothing.
fn is_inside(pattern: &str, prefix: &str) -> bool {
    !prefix.is_empty()
        && pattern.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
