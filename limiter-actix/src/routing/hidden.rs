//! Says which rules cannot be known before routing.

use actix_web::dev::ServiceRequest;

use super::{app_rules::Rules, pattern_text::sample};

impl Rules {
    /// Says which rules cannot be known before routing: because another pattern matches first, or because
    /// paths do not tell.
    pub(super) fn warn_of_hidden(&self, req: &ServiceRequest) {
        for pattern in self.resources.keys() {
            let Some(path) = sample(pattern) else { continue };
            let found = req.resource_map().match_pattern(&path);
            if found.as_deref() != Some(pattern) {
                tracing::warn!(code = "L002", hidden = %pattern, by = found.as_deref().unwrap_or("a scope"),
                    "a limited or exempt route is hidden by another pattern: it is known only after \
                     routing, so other limits are tried first; register it before the other one");
            }
        }
        for scope in self.scopes.iter().filter(|scope| !self.is_foreseen(scope)) {
            tracing::warn!(code = "L003", prefix = %scope.prefix,
                "paths do not tell which requests meet the rule of a scope, since its prefix is empty or that \
                 of another scope: it is known only after routing, so other limits are tried first; give it \
                 a prefix of its own, or declare the rule on its routes");
        }
    }
}
