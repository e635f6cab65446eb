//! The limits of a limiter itself.

use super::LimiterBuilder;
use crate::{IntoLimits, Limit, Limits, settings::config_error::Origin};

impl LimiterBuilder {
    /// The limits of all routes that have none of their own, per client and route. Paths that match no route
    /// count together as one.
    pub fn default_limits(mut self, limits: impl IntoLimits) -> Self {
        self.code.defaults = Some(self.read("default_limits", limits));
        self
    }

    /// Whether default limits count each method by itself. HEAD counts as GET.
    pub fn default_limits_per_method(mut self, per_method: bool) -> Self {
        self.code.per_method = Some(per_method);
        self
    }

    /// Whether default limits hold for paths that match no route; they do unless set, so that scanners are
    /// limited. Otherwise what such a request takes is given back with the answer.
    pub fn default_limits_on_unmatched(mut self, on_unmatched: bool) -> Self {
        self.code.on_unmatched = Some(on_unmatched);
        self
    }

    /// Whether default limits hold for CORS preflights too; they do not unless set.
    pub fn default_limits_on_preflight(mut self, on_preflight: bool) -> Self {
        self.code.on_preflight = Some(on_preflight);
        self
    }

    /// The limits of all routes together, per client. Paths that match no route count as well.
    pub fn application_limits(mut self, limits: impl IntoLimits) -> Self {
        self.code.application = Some(self.read("application_limits", limits));
        self
    }

    /// How often a client may breach other limits before everything is refused, per client.
    pub fn meta_limits(mut self, limits: impl IntoLimits) -> Self {
        self.code.meta = Some(self.read("meta_limits", limits));
        self
    }

    /// Names a limit for code to hit by hand; see [`Limiter::hit`](crate::Limiter::hit) and [`Limiter::check`](crate::Limiter::check). Limits of attributes
    /// that are [shared](Limit::shared) under this name and have the same quota and strategy count with it.
    pub fn named_limit(mut self, name: impl Into<String>, limit: impl Into<Limit>) -> Self {
        self.named.push((name.into(), limit.into()));
        self
    }

    /// Reads the limits of a call that replaces those of its earlier calls.
    pub(super) fn read(&mut self, call: &str, limits: impl IntoLimits) -> Limits {
        let call = format!(".{call}(");
        self.code.parsed_limits.retain(|(origin, _)| !origin.is_call(&call));
        let call = format!("{call}{})", limits.in_code());
        self.read_more(&call, limits)
    }

    /// Reads the limits of a call.
    pub(super) fn read_more(&mut self, call: &str, limits: impl IntoLimits) -> Limits {
        let limits = limits.into_limits().unwrap_or_else(|error| {
            self.issue(call, error);
            Limits::default()
        });
        let origin = Origin::whole(call);
        self.code.parsed_limits.extend(limits.0.iter().map(|limit| (origin.clone(), limit.clone())));
        limits
    }
}
