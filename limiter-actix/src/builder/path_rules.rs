//! Rules by path pattern.

use super::LimiterBuilder;
use crate::{
    BuildError, Exempt, IntoLimits, Rule, SettingSource,
    limit::place::LimitPlace,
    routing::link_path_rules,
    settings::path_pattern::{self, PathPattern, PatternRule},
};

/// # Rules by pattern
impl LimiterBuilder {
    /// Limits the paths that match a pattern, as `#[limit]` limits a handler.
    ///
    /// A pattern is a path, `/users/{id}`, optionally with methods, `POST,PUT /users/{id}`. It is the full pattern of a
    /// route, with the prefixes of its scopes. A rule covers the whole resource, with all of its patterns.
    pub fn route(self, pattern: &str, limits: impl IntoLimits) -> Self {
        let call = format!(".route({pattern:?}, {})", limits.in_code());
        self.limited(&call, path_pattern::route(pattern), limits)
    }

    /// Exempts the paths that match a pattern from all limits declared further out.
    pub fn exempt_route(self, pattern: &str) -> Self {
        self.exempt_route_from(pattern, Exempt::ALL)
    }

    /// Exempts the paths that match a pattern from some of the limits declared further out.
    pub fn exempt_route_from(self, pattern: &str, exempt: Exempt) -> Self {
        let call = format!(".exempt_route({pattern:?})");
        self.with_rule(&call, path_pattern::route(pattern), exempt.into())
    }

    /// Limits all paths under a prefix, per client and route.
    pub fn scope(self, prefix: &str, limits: impl IntoLimits) -> Self {
        let call = format!(".scope({prefix:?}, {})", limits.in_code());
        self.limited(&call, path_pattern::scope(prefix), limits)
    }

    /// Exempts all paths under a prefix from all limits declared further out, for example health checks.
    pub fn exempt_scope(self, prefix: &str) -> Self {
        self.exempt_scope_from(prefix, Exempt::ALL)
    }

    /// Exempts all paths under a prefix from some of the limits declared further out.
    pub fn exempt_scope_from(self, prefix: &str, exempt: Exempt) -> Self {
        let call = format!(".exempt_scope({prefix:?})");
        self.with_rule(&call, path_pattern::scope(prefix), exempt.into())
    }

    fn limited(
        mut self,
        call: &str,
        pattern: Result<PathPattern, BuildError>,
        limits: impl IntoLimits,
    ) -> Self {
        let rule = self.read_more(call, LimitPlace::Route, limits);
        self.with_rule(call, pattern, rule.into())
    }

    fn with_rule(mut self, call: &str, pattern: Result<PathPattern, BuildError>, rule: Rule) -> Self {
        link_path_rules();
        match pattern {
            Ok(pattern) => {
                self.code.patterns.push(PatternRule { pattern, rule, source: SettingSource::Code });
            }
            Err(error) => self.issue(call, error.reason()),
        }
        self
    }
}
