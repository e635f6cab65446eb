//! The limits and exemptions declared at one place of an app.

use std::fmt::Display;

use limiter_core::ParseQuotaError;

use crate::{Exempt, IntoLimits, Limit, Limits};

/// The limits and exemptions declared at one place of an app: a handler, a resource or a scope.
///
/// ```
/// use limiter_actix::{Exempt, Limit, Rule};
///
/// let limited = Rule::new().limit("5/minute");
/// let exempt: Rule = Exempt::ALL.into();
/// let both = Rule::from(Limit::new("100/second")).exempt(Exempt::DEFAULT);
/// # let _ = (limited, exempt, both);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Rule {
    pub(crate) limits: Limits,
    pub(crate) exempt: Exempt,
}

impl Rule {
    /// Creates a rule without limits and exemptions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds limits. An invalid text is an error of the scope or resource that gets the rule.
    pub fn limit(mut self, limits: impl IntoLimits) -> Self {
        match limits.into_limits() {
            Ok(limits) => self.limits.0.extend(limits.0),
            Err(error) => self.limits.0.push(Limit::invalid(error)),
        }
        self
    }

    /// Adds the limits of a constant, as `#[limit(CONSTANT)]` does, each with the same options.
    ///
    /// # Panics
    ///
    /// If a text is not in the notation of quotas. Then the app cannot start.
    #[doc(hidden)]
    pub fn constant(
        mut self,
        limits: impl IntoLimits,
        name: &str,
        place: &str,
        options: impl FnMut(Limit) -> Limit,
    ) -> Self {
        let limits = limits
            .into_limits()
            .unwrap_or_else(|error| panic!("invalid constant `{name}` of `#[limit]` at {place}: {error}"));
        self.limits.0.extend(limits.each(options).0);
        self
    }

    /// Adds an exemption from limits declared further out.
    pub fn exempt(mut self, exempt: Exempt) -> Self {
        self.exempt |= exempt;
        self
    }
}

impl<L: Into<Limits>> From<L> for Rule {
    fn from(limits: L) -> Self {
        Self { limits: limits.into(), exempt: Exempt::NONE }
    }
}

impl From<Exempt> for Rule {
    fn from(exempt: Exempt) -> Self {
        Self::new().exempt(exempt)
    }
}

/// A value that a scope or a resource accepts as its rule: [limits](IntoLimits), an [`Exempt`], or a [`Rule`] with both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither limits nor an exemption",
    note = "a rule is a text such as \"5/minute\", `Quota::per_minute(5)`, a `Limit`, `Exempt::ALL`, or a `Rule`"
)]
pub trait IntoRule {
    /// Converts the value into a rule.
    ///
    /// # Errors
    ///
    /// If a text is not in the notation of quotas.
    fn into_rule(self) -> Result<Rule, ParseQuotaError>;
}

impl IntoRule for Rule {
    fn into_rule(self) -> Result<Rule, ParseQuotaError> {
        Ok(Self { limits: self.limits.into_limits()?, ..self })
    }
}

impl IntoRule for Exempt {
    fn into_rule(self) -> Result<Rule, ParseQuotaError> {
        Ok(self.into())
    }
}

impl<L: IntoLimits> IntoRule for L {
    fn into_rule(self) -> Result<Rule, ParseQuotaError> {
        Ok(self.into_limits()?.into())
    }
}

/// Returns the rule of a place that is being registered.
///
/// # Panics
///
/// If a text is not in the notation of quotas. Then the app cannot start.
#[track_caller]
pub(crate) fn expect(rule: impl IntoRule, place: impl Display) -> Rule {
    rule.into_rule().unwrap_or_else(|error| panic!("invalid limit of {place}: {error}"))
}
