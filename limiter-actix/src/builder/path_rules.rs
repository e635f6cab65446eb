//! Rules by path pattern.

use super::LimiterBuilder;
use crate::{
    BuildError, Exempt, IntoLimits, Rule,
    settings::path_pattern::{self, PathPattern, PatternRule},
};

impl LimiterBuilder {
    /// Limits the paths that match a pattern, as `#[limit]` limits a handler.
    ///
    /// A pattern is a path, `/users/{id}`, optionally with methods, `POST,PUT /users/{id}`.
    pub fn route(self, pattern: &str, limits: impl IntoLimits) -> Self {
        let route = path_pattern::route(pattern);
        self.pattern(route, |builder| builder.read(limits).into())
    }

    /// Exempts the paths that match a pattern from all limits declared further out.
    pub fn exempt_route(self, pattern: &str) -> Self {
        self.exempt_route_from(pattern, Exempt::ALL)
    }

    /// Exempts the paths that match a pattern from some of the limits declared further out.
    pub fn exempt_route_from(self, pattern: &str, exempt: Exempt) -> Self {
        let route = path_pattern::route(pattern);
        self.pattern(route, |_| exempt.into())
    }

    /// Limits all paths under a prefix, per client and route.
    pub fn scope(self, prefix: &str, limits: impl IntoLimits) -> Self {
        let scope = path_pattern::scope(prefix);
        self.pattern(scope, |builder| builder.read(limits).into())
    }

    /// Exempts all paths under a prefix from all limits declared further out, for example health checks.
    pub fn exempt_scope(self, prefix: &str) -> Self {
        self.exempt_scope_from(prefix, Exempt::ALL)
    }

    /// Exempts all paths under a prefix from some of the limits declared further out.
    pub fn exempt_scope_from(self, prefix: &str, exempt: Exempt) -> Self {
        let scope = path_pattern::scope(prefix);
        self.pattern(scope, |_| exempt.into())
    }

    fn pattern(
        mut self,
        pattern: Result<PathPattern, BuildError>,
        rule: impl FnOnce(&mut Self) -> Rule,
    ) -> Self {
        match pattern {
            Ok(pattern) => {
                let rule = rule(&mut self);
                self.code.patterns.push(PatternRule { pattern, rule });
            }
            Err(error) => self.fail(error),
        }
        self
    }
}
