//! Logs places whose limits paths do not predict, and rules that no request meets.

use actix_web::http::Method;
use limiter_core::log::{event, shown, unthrottled};

use super::{
    app_rules::AppRules,
    beacon::RuleSite,
    label::STANDARD,
    pattern_text::sample,
    route_tree::{Place, ResourcePlace, RouteTree},
};
use crate::{
    linked::Linked,
    settings::{
        Settings,
        path_pattern::{PathPattern, PatternRule},
        suggest,
    },
};

/// Logs what the first request of a worker shows. What follows from the app alone is logged only if `is_first`, not
/// after each change of the settings.
pub(super) fn warn(rules: &AppRules, tree: Option<&RouteTree>, is_first: bool) {
    let Some(tree) = tree else {
        event!(
            unthrottled(Some("L032")),
            WARN,
            "unknown form of the routes in this version of actix-web: limits and exemptions of routes and scopes apply \
             only after routing; use a version of limiter-actix that was tested with it"
        );
        return;
    };
    if is_first {
        warn_of_resources(tree);
        warn_of_scopes(tree);
        warn_of_hidden_scopes(tree);
    }
    if let Some(warn) = WARN_OF_PATH_RULES.if_linked() {
        warn(rules, tree);
    }
}

/// Logs what is wrong with rules by pattern. Linked if there may be any.
static WARN_OF_PATH_RULES: Linked<fn(&AppRules, &RouteTree)> = Linked::new();

pub(super) fn link_path_rules() {
    WARN_OF_PATH_RULES.link(warn_of_path_rules);
}

/// Logs that middleware inside of the limiter changes paths.
pub(super) fn rewritten(path: &str, settings: &Settings) {
    event!(
        settings.telemetry.lines.rewritten.permit(settings.clock.now()),
        WARN,
        path = path,
        "middleware inside the limiter rewrites paths: their limits apply only after routing; wrap it after the \
         limiter, so that it runs first"
    );
}

fn warn_of_resources(tree: &RouteTree) {
    for (number, resource) in tree.resources.iter().enumerate() {
        let Some(RuleSite::Resource(spec)) = resource.rule.as_ref().map(|beacon| &beacon.site) else {
            continue;
        };
        let Some(pattern) = resource.patterns.first() else { continue };
        let Some(path) = sample(pattern) else { continue };
        let place = Place::Resource(number);
        let places = tree.places(&path);
        let is_same = |other: &Place| tree.pattern_of(*other) == Some(pattern);
        let first = places.iter().find(|other| **other == place || !(spec.is_exact() && is_same(other)));
        if let Some(first) = first.filter(|first| **first != place && !is_same(first)) {
            event!(
                unthrottled(Some("L002")),
                WARN,
                hidden = pattern.as_ref(),
                by = tree.pattern_of(*first).map_or("a scope", |by| &**by),
                "a limited or exempt route is hidden by another pattern: its limits apply only after routing; \
                 register it before the other pattern"
            );
        } else if !spec.is_exact() && places.iter().any(|other| *other != place && is_same(other)) {
            event!(
                unthrottled(Some("L003")),
                WARN,
                pattern = pattern.as_ref(),
                "cannot determine from the path which requests reach this resource: another one has its pattern; its \
                 limits apply only after routing; make both one resource with a route for each method, or use \
                 attributes"
            );
        }
    }
}

fn warn_of_scopes(tree: &RouteTree) {
    for (number, scope) in tree.scopes.iter().enumerate().filter(|(_, scope)| !scope.rules.is_empty()) {
        let shares_prefix = tree
            .scopes
            .iter()
            .enumerate()
            .any(|(other, it)| other != number && it.parent.is_some() && it.prefix == scope.prefix);
        if scope.prefix.is_empty() || shares_prefix {
            event!(
                unthrottled(Some("L003")),
                WARN,
                prefix = scope.prefix.as_ref(),
                "cannot determine from the path which requests enter this scope: its prefix is empty or shared; its \
                 limits apply only after routing; give it its own prefix or move the limits to its routes"
            );
        }
    }
}

/// Logs once for each scope with a rule that a place outside of it matches a path inside first.
fn warn_of_hidden_scopes(tree: &RouteTree) {
    let mut logged = vec![false; tree.scopes.len()];
    for (number, resource) in tree.resources.iter().enumerate() {
        let place = Place::Resource(number);
        let around = tree.scopes_of(place);
        let Some(scope) = around.iter().rev().find(|scope| !tree.scopes[**scope].rules.is_empty()) else {
            continue;
        };
        let Some(path) = resource.patterns.first().and_then(|pattern| sample(pattern)) else { continue };
        let first = tree.places(&path).first().copied().unwrap_or(place);
        if !tree.scopes_of(first).contains(scope) && !std::mem::replace(&mut logged[*scope], true) {
            event!(
                unthrottled(Some("L002")),
                WARN,
                hidden = tree.scopes[*scope].prefix.as_ref(),
                by = tree.pattern_of(first).map_or("a scope", |by| &**by),
                "a limited or exempt scope is hidden by another pattern: its limits apply only after routing; \
                 register it before the other pattern"
            );
        }
    }
}

fn warn_of_path_rules(rules: &AppRules, tree: &RouteTree) {
    let rules = &rules.patterns;
    if rules.is_empty() {
        return;
    }
    let mut used = vec![false; rules.all.len()];
    // Set for those that name a route, but no method that it takes.
    let mut takes_none = vec![false; rules.all.len()];
    for (number, resource) in tree.resources.iter().enumerate() {
        let patterns = || resource.patterns.iter().map(|pattern| &**pattern);
        let of_route = rules.of_route(patterns());
        if !of_route.is_empty() {
            warn_if_hidden(tree, number);
        }
        for rule in of_route {
            let is_first = !std::mem::replace(&mut used[rule], true);
            let takes = takes_any(resource, &rules.all[rule].pattern);
            takes_none[rule] = !takes && (is_first || takes_none[rule]);
        }
        for rule in patterns().filter_map(sample).flat_map(|path| rules.of_path(&path)) {
            used[rule] = true;
        }
    }
    for (number, rule) in rules.all.iter().enumerate() {
        if !used[number] && !leads_somewhere(tree, rule) {
            event!(
                unthrottled(Some("L031")),
                WARN,
                rule = shown(&rule.pattern),
                "a rule by pattern matches no route: nothing is limited or exempt by it; give the full path of a \
                 route, with the prefixes of its scopes and parameters as `{{name}}`"
            );
        }
        if takes_none[number] {
            event!(
                unthrottled(Some("L031")),
                WARN,
                rule = shown(&rule.pattern),
                "a rule by pattern has only methods that its route does not take: nothing is limited or exempt by it; \
                 name one that it takes, or none for all"
            );
        }
        for (method, meant) in misspelt_methods(&rule.pattern) {
            event!(
                unthrottled(Some("L031")),
                WARN,
                rule = shown(&rule.pattern),
                method = method.as_str(),
                meant = meant,
                "a rule by pattern has an unknown method: requests by the similar one do not meet it"
            );
        }
    }
}

/// Returns whether a resource takes a method of a rule, as far as its methods are known.
fn takes_any(resource: &ResourcePlace, pattern: &PathPattern) -> bool {
    let PathPattern::Route(_, methods) = pattern else { return true };
    let taken = match resource.rule.as_ref().map(|beacon| &beacon.site) {
        Some(RuleSite::Resource(spec)) if spec.is_exact() => spec.methods(),
        _ => &[],
    };
    // Rules have GET for HEAD.
    let is_taken = |method| taken.contains(method) || *method == Method::GET && taken.contains(&Method::HEAD);
    methods.is_empty() || taken.is_empty() || methods.iter().any(is_taken)
}

/// Logs that another pattern matches the paths of a route first that has a rule by pattern.
fn warn_if_hidden(tree: &RouteTree, number: usize) {
    let Some(pattern) = tree.resources[number].patterns.first() else { return };
    let places = sample(pattern).map(|path| tree.places(&path)).unwrap_or_default();
    let is_same = |other: &Place| tree.pattern_of(*other) == Some(pattern);
    if let Some(first) = places.first().filter(|first| !is_same(first)) {
        event!(
            unthrottled(Some("L002")),
            WARN,
            hidden = pattern.as_ref(),
            by = tree.pattern_of(*first).map_or("a scope", |by| &**by),
            "a route with a rule by pattern is hidden by another pattern: before routing the rule limits requests of \
             both; register it before the other pattern"
        );
    }
}

/// Returns whether a path of the rule is taken by any resource, or by a scope.
fn leads_somewhere(tree: &RouteTree, rule: &PatternRule) -> bool {
    let pattern = match &rule.pattern {
        PathPattern::Scope(pattern) | PathPattern::Route(pattern, _) => pattern.pattern().unwrap_or_default(),
    };
    sample(pattern).is_none_or(|path| tree.places(&path).iter().any(|place| *place != Place::Default(0)))
}

/// Returns methods that are nearly one of the standard ones, and that one.
fn misspelt_methods(pattern: &PathPattern) -> impl Iterator<Item = (&Method, &'static str)> {
    let methods = match pattern {
        PathPattern::Route(_, methods) => methods.as_slice(),
        PathPattern::Scope(_) => &[],
    };
    let unknown = methods.iter().filter(|method| !STANDARD.contains(method));
    unknown.filter_map(|method| Some((method, suggest::nearest(method.as_str(), METHODS.iter().copied())?)))
}

const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "HEAD"];
