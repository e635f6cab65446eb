//! Several limits at one place, and the values that convert into them.

use std::str::FromStr;

use limiter_core::{ParseQuotaError, Quota, Quotas};

use super::Limit;

/// Several limits declared at the same place.
///
/// ```
/// use limiter_actix::{Limit, Limits, Quota};
///
/// let one: Limits = Quota::per_minute(5).into();
/// let two: Limits = [Limit::new(Quota::per_minute(5)), Limit::new(Quota::per_day(100)).name("daily")].into();
/// let parsed: Limits = "5/minute; 100/day".parse()?;
/// let writes = parsed.each(|limit| limit.methods(["POST", "PUT"]));
/// # let _ = (one, two, writes);
/// # Ok::<(), limiter_actix::ParseQuotaError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Limits(pub(crate) Vec<Limit>);

impl Limits {
    /// Applies the same options to each of the limits.
    pub fn each(self, options: impl FnMut(Limit) -> Limit) -> Self {
        Self(self.0.into_iter().map(options).collect())
    }
}

impl<L: Into<Limit>> From<L> for Limits {
    fn from(limit: L) -> Self {
        Self(vec![limit.into()])
    }
}

impl<const N: usize> From<[Limit; N]> for Limits {
    fn from(limits: [Limit; N]) -> Self {
        Self(limits.into())
    }
}

impl From<Vec<Limit>> for Limits {
    fn from(limits: Vec<Limit>) -> Self {
        Self(limits)
    }
}

impl From<Quotas> for Limits {
    fn from(quotas: Quotas) -> Self {
        quotas.into_iter().collect()
    }
}

impl FromIterator<Quota> for Limits {
    fn from_iter<I: IntoIterator<Item = Quota>>(quotas: I) -> Self {
        Self(quotas.into_iter().map(Limit::new).collect())
    }
}

impl FromStr for Limits {
    type Err = ParseQuotaError;

    /// Parses the notation of [`Quotas`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse::<Quotas>()?.into())
    }
}

/// A value that a builder, a scope or a resource accepts as limits: a text in the notation of [`Quotas`], a [`Quota`],
/// [`Limit`]s, or several of these: an array or a vector of one type, or a tuple of up to four.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a limit",
    note = "limits are a text such as \"5/minute\", `Quota::per_minute(5)`, a `Limit`, or several of these"
)]
pub trait IntoLimits {
    /// Converts the value into limits.
    ///
    /// # Errors
    ///
    /// If a text is not in the notation.
    fn into_limits(self) -> Result<Limits, ParseQuotaError>;

    /// Returns the limits as code has them, for messages.
    #[doc(hidden)]
    fn in_code(&self) -> String {
        "..".to_owned()
    }
}

impl IntoLimits for &str {
    fn into_limits(self) -> Result<Limits, ParseQuotaError> {
        self.parse()
    }

    fn in_code(&self) -> String {
        /// Longer texts are not worth repeating.
        const MAX_SHOWN: usize = 60;
        if self.chars().count() <= MAX_SHOWN { format!("{self:?}") } else { "\"..\"".to_owned() }
    }
}

impl IntoLimits for String {
    fn into_limits(self) -> Result<Limits, ParseQuotaError> {
        self.parse()
    }

    fn in_code(&self) -> String {
        self.as_str().in_code()
    }
}

impl<L: IntoLimits, const N: usize> IntoLimits for [L; N] {
    fn into_limits(self) -> Result<Limits, ParseQuotaError> {
        all(self)
    }

    fn in_code(&self) -> String {
        list(self)
    }
}

impl<L: IntoLimits> IntoLimits for Vec<L> {
    fn into_limits(self) -> Result<Limits, ParseQuotaError> {
        all(self)
    }

    fn in_code(&self) -> String {
        list(self)
    }
}

fn list<L: IntoLimits>(several: &[L]) -> String {
    format!("[{}]", several.iter().map(L::in_code).collect::<Vec<_>>().join(", "))
}

fn all<L: IntoLimits>(several: impl IntoIterator<Item = L>) -> Result<Limits, ParseQuotaError> {
    let mut all = Limits::default();
    for limits in several {
        all.0.extend(limits.into_limits()?.0);
    }
    Ok(all)
}

impl IntoLimits for Quota {
    fn into_limits(self) -> Result<Limits, ParseQuotaError> {
        Ok(self.into())
    }

    fn in_code(&self) -> String {
        self.to_string()
    }
}

impl IntoLimits for Quotas {
    fn into_limits(self) -> Result<Limits, ParseQuotaError> {
        Ok(self.into())
    }

    fn in_code(&self) -> String {
        list(self.as_slice())
    }
}

impl IntoLimits for Limit {
    fn into_limits(self) -> Result<Limits, ParseQuotaError> {
        Limits::from(self).into_limits()
    }

    fn in_code(&self) -> String {
        self.source.quota().map_or_else(|| "..".to_owned(), |quota| quota.to_string())
    }
}

impl IntoLimits for Limits {
    fn into_limits(self) -> Result<Limits, ParseQuotaError> {
        match self.0.iter().find_map(|limit| limit.invalid.clone()) {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    fn in_code(&self) -> String {
        list(&self.0)
    }
}

/// Implements [`IntoLimits`] for several values of different types.
macro_rules! tuples {
    ($($($name:ident)+,)+) => {
        $(
            impl<$($name: IntoLimits),+> IntoLimits for ($($name,)+) {
                fn into_limits(self) -> Result<Limits, ParseQuotaError> {
                    #[expect(non_snake_case, reason = "named as their types")]
                    let ($($name,)+) = self;
                    all([$($name.into_limits()?),+])
                }

                fn in_code(&self) -> String {
                    #[expect(non_snake_case, reason = "named as their types")]
                    let ($($name,)+) = self;
                    format!("({})", [$($name.in_code()),+].join(", "))
                }
            }
        )+
    };
}

tuples! { A B, A B C, A B C D, }
