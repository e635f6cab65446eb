//! Logs limits of attributes, resources and scopes that have the name of another limit.

use std::collections::HashSet;

use limiter_core::log::{event, shown, unthrottled};

use super::app_rules::AppRules;
use crate::{linked::Linked, plan::key::RuleId, settings::Settings};

/// Logs each name once that a limit of a route or a scope shares with one of code or of a level. `build()` cannot report
/// it, because the routes are registered later.
pub(super) fn warn(rules: &AppRules, settings: &Settings) {
    if let Some(warn) = WARN.if_linked() {
        warn(rules, settings);
    }
}

/// Logs the names. Linked if a limit may have one.
static WARN: Linked<fn(&AppRules, &Settings)> = Linked::new();

pub(crate) fn link_names() {
    WARN.link(warn_now);
}

fn warn_now(rules: &AppRules, settings: &Settings) {
    let mut logged = HashSet::new();
    for (place, id) in places(rules) {
        let Some(rule) = rules.registered_rule(id) else { continue };
        let taken = rule.registered.rules().flat_map(|rule| settings.names_taken(&rule.limits));
        for (name, other) in taken.filter(|(name, _)| logged.insert((*name).to_owned())) {
            event!(
                unthrottled(Some("L035")),
                ERROR,
                name = shown(name),
                place = place,
                other = shown(other),
                "two limits have one name: code that hits it does not reach both; rename one"
            );
        }
    }
}

/// The patterns of resources and the prefixes of scopes that have a rule.
fn places(rules: &AppRules) -> impl Iterator<Item = (&str, RuleId)> {
    let resources = rules.resources.iter().map(|resource| (resource.pattern.as_str(), resource.id));
    resources.chain(rules.scopes.iter().map(|scope| (scope.prefix.as_str(), scope.id)))
}
