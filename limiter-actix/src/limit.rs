//! A limit: a quota with its key, cost, scope and options.

pub(crate) mod async_answers;
pub(crate) mod async_function;
pub(crate) mod callback;
mod compare;
mod concurrent;
pub(crate) mod deduct_answer;
pub(crate) mod exempt;
pub(crate) mod function_value;
pub(crate) mod limits;
pub(crate) mod named;
pub(crate) mod on_storage_failure;
pub(crate) mod options;
pub(crate) mod place;
pub(crate) mod quota_source;
pub(crate) mod rule;
mod setters;

use std::{num::NonZeroU64, str::FromStr, sync::Arc};

use actix_web::http::Method;
use limiter_core::{BanRule, ParseQuotaError, Quota, Strategy};

use self::{
    async_function::AsyncFunction,
    callback::{BreachFn, Cost, KeyFn, RequestPredicate, ResponsePredicate, Text},
    options::option_table,
    quota_source::Source,
};
use crate::OnStorageFailure;

/// Defines [`Limit`] by the table of its options.
///
/// `Debug` shows all of them, because limiters that are built by one line of code are compared by it.
macro_rules! define_limit {
    ($($field:ident: $type:ty = $default:expr,
        attribute $attribute:literal, code $($setter:literal)+
        $(, file $file:literal)? $(, not [$($place:ident)+])?;)*) => {
        /// A quota with its key, cost, scope and options.
        ///
        /// ```
        /// use limiter_actix::{Limit, Strategy, key};
        ///
        /// let limit = Limit::new("5/minute")
        ///     .strategy(Strategy::MovingWindow)
        ///     .key(key::header("x-api-key"))
        ///     .methods(["POST"])
        ///     .error_message("too many attempts");
        /// # let _ = limit;
        /// ```
        ///
        /// Functions of the request are usually called before routing. They see the `app_data` of the app, and not
        /// that of scopes and resources inside the limiter.
        #[derive(Clone, Debug)]
        #[must_use]
        pub struct Limit {
            pub(crate) source: Source,
            /// The error of a text that is not in the notation. No such limit gets to a limiter.
            pub(crate) invalid: Option<ParseQuotaError>,
            /// The errors of setters, which `build()` reports.
            pub(crate) issues: Vec<String>,
            /// The functions to be awaited before the limit can be decided.
            pub(crate) async_functions: Vec<AsyncFunction>,
            $(pub(crate) $field: $type,)*
        }

        impl Limit {
            pub(crate) fn from_source(source: Source) -> Self {
                Self {
                    source,
                    invalid: None,
                    issues: Vec::new(),
                    async_functions: Vec::new(),
                    $($field: $default,)*
                }
            }
        }
    };
}

option_table!(define_limit);

impl Limit {
    /// Creates a limit of this quota, without options. It is a [`Quota`] or a text such as `5/minute`.
    ///
    /// If the text is not the notation of one quota, that is an error of [`build`](crate::LimiterBuilder::build), or the end
    /// of an app that declares the limit on a scope or resource. To get the error at once, parse the text:
    ///
    /// ```
    /// use limiter_actix::Limit;
    ///
    /// let limit = "5/minute".parse::<Limit>()?.cost(2);
    /// assert!("5/fortnight".parse::<Limit>().is_err());
    /// # let _ = limit;
    /// # Ok::<(), limiter_actix::ParseQuotaError>(())
    /// ```
    pub fn new(quota: impl IntoQuota) -> Self {
        let fixed = |quota| Self::from_source(Source::Fixed(quota));
        quota.into_quota().map_or_else(Self::invalid, fixed)
    }

    /// Returns a limit that no limiter gets, in place of an invalid text.
    pub(crate) fn invalid(error: ParseQuotaError) -> Self {
        Self { invalid: Some(error), ..Self::from_source(Source::Fixed(Quota::per_second(0))) }
    }

    /// Returns the strategy that counts a quota, for a limiter with the strategy `default`. Windows that end by the
    /// calendar are fixed ones; another strategy of the limit's own is an error, found later.
    pub(crate) fn strategy_of(&self, quota: Quota, default: Strategy) -> Strategy {
        let default = if quota.unit().is_calendar() { Strategy::FixedWindow } else { default };
        self.strategy.unwrap_or(default)
    }

    /// Returns whether this limit counts requests of a method.
    pub(crate) fn covers(&self, method: &Method) -> bool {
        let as_get = |it: &Method| if *it == Method::HEAD { Method::GET } else { it.clone() };
        self.methods.is_empty() || self.methods.iter().any(|it| as_get(it) == as_get(method))
    }
}

impl From<Quota> for Limit {
    fn from(quota: Quota) -> Self {
        Self::new(quota)
    }
}

impl FromStr for Limit {
    type Err = ParseQuotaError;

    /// Parses the notation of one [`Quota`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text.parse::<Quota>()?))
    }
}

/// A value that [`Limit::new`] accepts: a [`Quota`], or a text in its notation.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a quota",
    note = "a quota is a text such as \"5/minute\", or `Quota::per_minute(5)`"
)]
pub trait IntoQuota {
    /// Converts the value into a quota.
    ///
    /// # Errors
    ///
    /// If a text is not the notation of one quota.
    fn into_quota(self) -> Result<Quota, ParseQuotaError>;
}

impl IntoQuota for Quota {
    fn into_quota(self) -> Result<Quota, ParseQuotaError> {
        Ok(self)
    }
}

impl IntoQuota for &str {
    fn into_quota(self) -> Result<Quota, ParseQuotaError> {
        self.parse()
    }
}

impl IntoQuota for String {
    fn into_quota(self) -> Result<Quota, ParseQuotaError> {
        self.parse()
    }
}
