//! Says which rules cannot be known before routing.

use actix_web::dev::ResourceMap;

use super::{app_rules::AppRules, pattern_text::sample};

/// Logs which rules cannot be predicted from the path: because another pattern matches first, or because paths
/// do not differ.
pub(super) fn warn(rules: &AppRules, map: &ResourceMap) {
    for pattern in rules.resources.keys() {
        let Some(path) = sample(pattern) else { continue };
        let found = map.match_pattern(&path);
        if found.as_deref() != Some(pattern) {
            tracing::warn!(code = "L002", hidden = %pattern, by = found.as_deref().unwrap_or("a scope"),
                "a limited or exempt route is hidden by another pattern: it is known only after \
                 routing, so other limits are tried first; register it before the other one");
        }
    }
    for scope in rules.scopes.iter().filter(|scope| !rules.is_predictable(scope)) {
        tracing::warn!(code = "L003", prefix = %scope.prefix,
            "paths do not tell which requests meet the rule of a scope, since its prefix is empty or that \
             of another scope: it is known only after routing, so other limits are tried first; give it \
             a prefix of its own, or declare the rule on its routes");
    }
}
