//! The limits of a limiter itself.

use super::{LimiterBuilder, build::link_names};
use crate::{
    IntoLimits, Limits,
    limit::place::LimitPlace,
    settings::{config_error::Origin, partial::ParsedLimit},
};

/// # Limits
impl LimiterBuilder {
    /// Sets the limits of all routes that have none of their own, per client and route. Defaults to none.
    ///
    /// Paths that match no route count together, as one route.
    pub fn default_limits(mut self, limits: impl IntoLimits) -> Self {
        self.code.defaults = Some(self.read("default_limits", LimitPlace::Default, limits));
        self
    }

    /// Sets whether default limits count each method separately. Defaults to `false`. HEAD counts as GET.
    pub fn default_limits_per_method(mut self, per_method: bool) -> Self {
        self.code.per_method = Some(per_method);
        self
    }

    /// Sets whether default limits apply to paths that match no route. Defaults to `true`, so that scanning is limited.
    ///
    /// Otherwise the limiter refunds the cost of such a request when its response exists. The same applies to requests that
    /// a guard keeps from a route, if the default service of the app responds or the status is 404 or 405.
    pub fn default_limits_on_unmatched(mut self, on_unmatched: bool) -> Self {
        self.code.on_unmatched = Some(on_unmatched);
        self
    }

    /// Sets whether default limits apply to CORS preflights. Defaults to `false`.
    pub fn default_limits_on_preflight(mut self, on_preflight: bool) -> Self {
        self.code.on_preflight = Some(on_preflight);
        self
    }

    /// Sets the limits of all routes together, per client. Defaults to none. Paths that match no route count too.
    pub fn application_limits(mut self, limits: impl IntoLimits) -> Self {
        self.code.application = Some(self.read("application_limits", LimitPlace::Application, limits));
        self
    }

    /// Sets the limits on how often a client may breach other limits. Defaults to none.
    ///
    /// A client over such a limit is refused everywhere, except on exempt routes.
    pub fn meta_limits(mut self, limits: impl IntoLimits) -> Self {
        self.code.meta = Some(self.read("meta_limits", LimitPlace::Meta, limits));
        self
    }

    /// Adds a limit that code hits by name, with [`Limiter::hit`](crate::Limiter::hit) and
    /// [`Limiter::check`](crate::Limiter::check).
    ///
    /// It shares its count with limits [shared](crate::Limit::shared) under this name that have the same quota and strategy.
    /// Options that need a route or a response have no effect here and are errors of [`build`](Self::build).
    ///
    /// A name has one limit. A text with several makes [`build`](Self::build) fail, as an invalid one does.
    pub fn named_limit(mut self, name: impl Into<String>, limit: impl IntoLimits) -> Self {
        let name = name.into();
        link_names();
        let call = format!(".named_limit({name:?}, {})", limit.in_code());
        match limit.into_limits() {
            Ok(limits) => self.named.extend(limits.0.iter().map(|limit| (name.clone(), limit.clone()))),
            Err(error) => self.issue(call, error),
        }
        self
    }

    /// Reads the limits of a call that replaces those of its earlier calls.
    pub(super) fn read(&mut self, call: &str, place: LimitPlace, limits: impl IntoLimits) -> Limits {
        let call = format!(".{call}(");
        self.code.parsed_limits.retain(|parsed| !parsed.origin.is_call(&call));
        let call = format!("{call}{})", limits.in_code());
        self.read_more(&call, place, limits)
    }

    /// Reads the limits of a call.
    pub(super) fn read_more(&mut self, call: &str, place: LimitPlace, limits: impl IntoLimits) -> Limits {
        let limits = limits.into_limits().unwrap_or_else(|error| {
            self.issue(call, error);
            Limits::default()
        });
        let origin = Origin::whole(call);
        self.code.parsed_limits.extend(ParsedLimit::of(&limits.0, &origin, place));
        limits
    }
}
