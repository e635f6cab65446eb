//! Puts limits at their places for one plan.

use actix_web::http::Method;
use limiter_core::Scope;

use super::beacon::{Beacon, Site};
use super::{
    app_rules::{Rules, ScopeRule},
    label::labels,
    pattern_text::depth,
    table::PlanKey,
};
use crate::{
    Exempt, Limit, Limits, Rule,
    limit::{callback::Text, rule::RuleId},
    plan::{
        Declared, PlannedLevel,
        bound_limit::{Place, Tier},
    },
    settings::{Pattern, PatternRule, Settings},
};

/// Puts limits at their places for one plan.
pub(super) struct Placing<'a> {
    pub(super) rules: &'a Rules,
    pub(super) settings: &'a Settings,
    pub(super) key: &'a PlanKey,
}

/// A rule with the name of its place, and whether this limiter decides its limits.
struct Declaring<'a> {
    place: String,
    rule: &'a Rule,
    ours: bool,
}

/// The rules of one scope.
struct Group<'a> {
    prefix: &'a str,
    depth: usize,
    /// None when no scope has these rules: a module has them, or they are given by pattern.
    scope: Option<RuleId>,
    rules: Vec<Declaring<'a>>,
}

impl Group<'_> {
    fn is_of(&self, scope: &ScopeRule) -> bool {
        self.prefix == scope.prefix && self.scope == Some(scope.scope)
    }
}

impl Placing<'_> {
    pub(super) fn default_level(&self) -> PlannedLevel {
        let holds = self.settings.defaults.on_preflight || !self.key.preflight;
        let defaults = if holds { &self.settings.defaults.limits } else { &Limits::default() };
        let limits = self.placed(defaults, Tier::Default, "default", true);
        PlannedLevel { exempt: Exempt::NONE, limits: limits.into() }
    }

    /// What holds in place of limits that would be decided in memory since the storage failed: of each route.
    pub(super) fn instead(&self) -> Vec<Declared> {
        let limits = self.settings.failure.limits.as_ref();
        limits.map(|limits| self.placed(limits, Tier::Route, "fallback", true)).unwrap_or_default()
    }

    /// One level for each scope, the outermost first. A rule given by pattern belongs to the scope of its prefix.
    pub(super) fn scope_levels(&self) -> Vec<PlannedLevel> {
        // Modules come first, so that the innermost meets what is given by its prefix.
        let mut groups: Vec<Group<'_>> = self.modules();
        for scope in self.standing_scopes() {
            let rule = self.standing(scope.id, self.name_of_scope(scope));
            match groups.iter_mut().find(|group| group.is_of(scope)) {
                Some(group) => group.rules.extend(rule),
                None => groups.push(Group {
                    prefix: &scope.prefix,
                    depth: depth(&scope.prefix),
                    scope: Some(scope.scope),
                    rules: rule.into_iter().collect(),
                }),
            }
        }
        for (prefix, rule) in self.given_scopes() {
            match groups.iter_mut().rfind(|group| group.prefix == prefix) {
                Some(group) => group.rules.push(rule),
                None => groups.push(Group { prefix, depth: depth(prefix), scope: None, rules: vec![rule] }),
            }
        }
        groups.sort_by_key(|group| group.depth);
        let levels = groups.into_iter().enumerate();
        levels.map(|(index, group)| self.level(Tier::Scope(index), group.rules)).collect()
    }

    /// The `#[scope]` modules around a handler, all at the depth of the innermost: actix does not put the prefix
    /// of one around another before its paths.
    fn modules(&self) -> Vec<Group<'_>> {
        let Some(id) = self.key.standing.last() else { return Vec::new() };
        let modules = self.rules.modules.get(id).map_or(&[][..], Vec::as_slice);
        let depth = modules.last().map_or(0, |(innermost, _)| depth(innermost));
        let ours = !self.key.left_to_others.contains(id);
        let groups = modules.iter().enumerate().map(|(index, (prefix, rule))| {
            let number = modules[..index].iter().filter(|(earlier, _)| earlier == prefix).count();
            let place = numbered(format!("module {prefix}"), number);
            Group { prefix, depth, scope: None, rules: vec![Declaring { place, rule, ours }] }
        });
        groups.collect()
    }

    /// The scopes with a rule, as they lie in each other.
    fn standing_scopes(&self) -> impl Iterator<Item = &ScopeRule> {
        let scopes = &self.rules.scopes;
        self.key.standing.iter().filter_map(|id| scopes.iter().find(|scope| scope.id == *id))
    }

    fn given_scopes(&self) -> impl Iterator<Item = (&str, Declaring<'_>)> {
        self.key.covering.iter().filter_map(|index| match &self.rules.patterns[*index] {
            PatternRule { pattern: Pattern::Scope(prefix), rule } => {
                let declaring = Declaring { place: self.name_of_given(*index), rule, ours: true };
                Some((prefix.pattern().unwrap_or_default(), declaring))
            }
            PatternRule { .. } => None,
        })
    }

    pub(super) fn route_level(&self) -> PlannedLevel {
        let given = self.key.covering.iter().filter_map(|index| match &self.rules.patterns[*index] {
            PatternRule { pattern: Pattern::Route(_, methods), rule } => (methods.is_empty()
                || methods.contains(&self.key.method))
            .then(|| Declaring { place: self.name_of_given(*index), rule, ours: true }),
            PatternRule { .. } => None,
        });
        let is_scope = |id: &RuleId| self.rules.scopes.iter().any(|scope| scope.id == *id);
        let resource = self.key.standing.last().filter(|id| !is_scope(id));
        let standing = resource.and_then(|id| self.standing(*id, self.name_of(*id)));
        self.level(Tier::Route, standing.into_iter().chain(given))
    }

    /// A rule that stands in the app, at a place of this name.
    fn standing(&self, id: RuleId, place: String) -> Option<Declaring<'_>> {
        let rule = &self.rules.standing.get(&id)?.rule;
        Some(Declaring { place, rule, ours: !self.key.left_to_others.contains(&id) })
    }

    /// Tells routes of the same pattern apart: by their methods, and equal ones by their number.
    fn name_of(&self, id: RuleId) -> String {
        let pattern = self.key.pattern.as_deref().unwrap_or_default();
        let beacons = self.rules.resources.get(pattern).map_or(&[][..], Vec::as_slice);
        let methods = |beacon: &Beacon| match &beacon.site {
            Site::Resource(place) => place.method_names(),
            Site::Scope(_) => String::new(),
        };
        let Some(index) = beacons.iter().position(|beacon| beacon.rule.id == id) else {
            return "route".to_owned();
        };
        let own = methods(&beacons[index]);
        let number = beacons[..index].iter().filter(|earlier| methods(earlier) == own).count();
        numbered(format!("route {own}"), number)
    }

    /// Tells the rules of one prefix apart.
    fn name_of_scope(&self, scope: &ScopeRule) -> String {
        let same = self.rules.scopes.iter().filter(|other| other.prefix == scope.prefix);
        let number = same.take_while(|other| other.id != scope.id).count();
        numbered(format!("scope {}", scope.prefix), number)
    }

    /// Tells the rules apart that are given by one pattern.
    fn name_of_given(&self, index: usize) -> String {
        let name = |rule: &PatternRule| match &rule.pattern {
            Pattern::Scope(prefix) => format!("given scope {}", prefix.pattern().unwrap_or_default()),
            Pattern::Route(route, methods) => {
                let mut methods: Vec<_> = methods.iter().map(Method::as_str).collect();
                methods.sort_unstable();
                format!("given {} {}", methods.join(","), route.pattern().unwrap_or_default())
            }
        };
        let (earlier, own) = (&self.rules.patterns[..index], name(&self.rules.patterns[index]));
        let number = earlier.iter().filter(|rule| name(rule) == own).count();
        numbered(own, number)
    }

    fn level<'r>(&self, tier: Tier, rules: impl IntoIterator<Item = Declaring<'r>>) -> PlannedLevel {
        let mut exempt = Exempt::NONE;
        let mut limits = Vec::new();
        for Declaring { place, rule, ours } in rules {
            exempt |= rule.exempt;
            limits.extend(self.placed(&rule.limits, tier, &place, ours));
        }
        PlannedLevel { exempt, limits: limits.into() }
    }

    pub(super) fn placed(&self, limits: &Limits, tier: Tier, place: &str, ours: bool) -> Vec<Declared> {
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
        let split = limit.per_method || (tier == Tier::Default && self.settings.defaults.per_method);
        let split = split && !(tier == Tier::Default && pattern.is_none());
        let method = if split { self.key.method.as_str() } else { "" };
        match (&limit.shared, tier, pattern) {
            (Some(Text::Fixed(name)), ..) => parts.extend(["shared", method, name]),
            // The function adds the name to this.
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

fn numbered(name: String, number: usize) -> String {
    if number == 0 { name } else { format!("{name} #{number}") }
}
