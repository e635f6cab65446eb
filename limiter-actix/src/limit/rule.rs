//! The limits and exemptions declared at one place of an app.

use crate::{Exempt, Limit, Limits};

/// The limits and exemptions declared at one place of an app: a handler, a resource or a scope.
///
/// ```
/// use limiter_actix::{Exempt, Limit, Quota, Rule};
///
/// let limited: Rule = Limit::new(Quota::per_minute(5)).into();
/// let exempt: Rule = Exempt::ALL.into();
/// let both = Rule::from(Limit::new(Quota::per_second(100))).exempt(Exempt::DEFAULT);
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

    /// Adds a limit.
    pub fn limit(mut self, limit: impl Into<Limit>) -> Self {
        self.limits.0.push(limit.into());
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
