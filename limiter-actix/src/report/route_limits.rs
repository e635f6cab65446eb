//! The limits of a route, for lists.

use std::{fmt, sync::Arc};

use actix_web::http::Method;
use limiter_core::{Quota, Strategy};

use super::setting_source::SettingSource;

/// The limits that apply to a route, or to the unmatched paths of a scope; listed by
/// [`Limiter::limits`](crate::Limiter::limits).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteLimits {
    pub(crate) pattern: Option<Arc<str>>,
    pub(crate) prefix: Arc<str>,
    pub(crate) methods: Vec<Method>,
    pub(crate) is_exempt: bool,
    pub(crate) limits: Vec<RouteLimit>,
}

impl RouteLimits {
    /// Returns the pattern of the route, such as `/users/{id}`. `None` for the paths of a scope that no route matches.
    ///
    /// A [rule by pattern](crate::LimiterBuilder::route) that no route has is listed with its own pattern.
    pub fn pattern(&self) -> Option<&str> {
        self.pattern.as_deref()
    }

    /// Returns the prefix of the scope around the route. Empty for the app itself.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the methods with these limits. Empty for all methods, or for all others if the same route is listed more
    /// than once. HEAD is counted as GET.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// Returns whether an exemption lifts all limits declared further out.
    pub fn is_exempt(&self) -> bool {
        self.is_exempt
    }

    /// Returns the limits that apply: meta limits, application limits, and then the others, the outermost first.
    pub fn limits(&self) -> &[RouteLimit] {
        &self.limits
    }
}

/// Shows the methods and the route, such as `GET,POST /users/{id}`.
impl fmt::Display for RouteLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, method) in self.methods.iter().enumerate() {
            write!(f, "{}{method}", if index == 0 { "" } else { "," })?;
        }
        let separator = if self.methods.is_empty() { "" } else { " " };
        match &self.pattern {
            Some(pattern) => write!(f, "{separator}{pattern}"),
            None if self.prefix.is_empty() => write!(f, "{separator}unmatched paths"),
            None => write!(f, "{separator}unmatched paths of `{}`", self.prefix),
        }
    }
}

/// A limit that applies to a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RouteLimit {
    pub(crate) level: &'static str,
    pub(crate) origin: LimitOrigin,
    pub(crate) quota: Option<Quota>,
    pub(crate) strategy: Strategy,
    pub(crate) burst: Option<u64>,
    pub(crate) cost: Option<u64>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) shared: Option<Arc<str>>,
    pub(crate) has_own_key: bool,
    pub(crate) is_shadow: bool,
}

impl RouteLimit {
    /// Returns the level: `meta`, `application`, `default`, `scope` or `route`.
    pub fn level(&self) -> &'static str {
        self.level
    }

    /// Returns the place of the declaration.
    pub fn origin(&self) -> &LimitOrigin {
        &self.origin
    }

    /// Returns the quota. `None` if a function of the request computes it.
    pub fn quota(&self) -> Option<Quota> {
        self.quota
    }

    /// Returns the strategy that counts it. Concurrent requests are counted as a moving window from which they leave when
    /// they end.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// Returns the capacity of the token bucket, if it has one of its own.
    pub fn burst(&self) -> Option<u64> {
        self.burst
    }

    /// Returns the amount that a request is charged. `None` if a function of the request computes it.
    pub fn cost(&self) -> Option<u64> {
        self.cost
    }

    /// Returns the name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the name of its shared count. `None` also if a function of the request returns the name.
    pub fn shared(&self) -> Option<&str> {
        self.shared.as_deref()
    }

    /// Returns whether it counts by a key of its own, and not by the limiter's.
    pub fn has_own_key(&self) -> bool {
        self.has_own_key
    }

    /// Returns whether it refuses nothing.
    pub fn is_shadow(&self) -> bool {
        self.is_shadow
    }
}

/// Returns a quota as text, or `dynamic` if it is computed from the request.
pub(crate) fn quota_text(quota: Option<Quota>) -> String {
    quota.map_or_else(|| "dynamic".to_owned(), |quota| quota.to_string())
}

/// Shows the limit with its origin, such as `5 per 1 minute (route GET /search)`.
impl fmt::Display for RouteLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", quota_text(self.quota), self.origin.place())
    }
}

/// The place where a limit is declared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitOrigin {
    pub(crate) place: Arc<str>,
    pub(crate) source: SettingSource,
}

impl LimitOrigin {
    pub(crate) fn new(place: impl Into<Arc<str>>, source: SettingSource) -> Self {
        Self { place: place.into(), source }
    }

    /// Returns the place in words: the setting, such as `default_limits`; the attribute or resource, such as
    /// `route GET /search`; the scope, such as `scope /api`; or the rule by pattern, such as `rule POST /login`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Returns whether code, the environment or the file declares it.
    pub fn source(&self) -> SettingSource {
        self.source
    }
}
