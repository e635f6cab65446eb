//! A limit: a quota with its key, cost, scope and options.

pub(crate) mod async_function;
pub(crate) mod async_setters;
pub(crate) mod callback;
mod compare;
mod concurrent;
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

use std::{num::NonZeroU64, sync::Arc};

use actix_web::{dev::ServiceRequest, http::Method};
use limiter_core::{BanRule, Quota, Strategy};

use self::{
    async_function::AsyncFunction,
    callback::{BreachFn, Cost, KeyFn, RequestPredicate, ResponsePredicate, Text},
    function_value::FunctionValue,
    options::option_table,
    quota_source::{DynamicQuotas, Source},
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
        /// use limiter_actix::{Limit, Quota, Strategy, key};
        ///
        /// let limit = Limit::new(Quota::per_minute(5))
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
            /// The errors of setters, which `build()` reports.
            pub(crate) issues: Vec<String>,
            /// The functions to be awaited before the limit can be decided.
            pub(crate) async_functions: Vec<AsyncFunction>,
            $(pub(crate) $field: $type,)*
        }

        impl Limit {
            fn from_source(source: Source) -> Self {
                Self { source, issues: Vec::new(), async_functions: Vec::new(), $($field: $default,)* }
            }
        }
    };
}

option_table!(define_limit);

impl Limit {
    /// Creates a limit of this quota, without options.
    pub fn new(quota: Quota) -> Self {
        Self::from_source(Source::Fixed(quota))
    }

    /// Creates a limit whose quotas are computed from the request, for example per plan or per tenant.
    ///
    /// The limiter calls `function` once per request. It may return a [`Quota`], [`Quotas`](crate::Quotas), a text in
    /// their notation, or an `Option` or `Result` of these. If it returns `None`, there is no limit here for this
    /// request. If it returns an error, the response is 500. It sees the `app_data` of the app, and not that of scopes
    /// inside the limiter.
    ///
    /// If a text is invalid, the limiter logs that as an error (`L001`). The other limits at the same place then apply to
    /// this request, together with the outer limits.
    ///
    /// ```
    /// use actix_web::dev::ServiceRequest;
    /// use limiter_actix::Limit;
    ///
    /// fn by_tier(req: &ServiceRequest) -> &'static str {
    ///     if req.headers().contains_key("x-premium") { "500/minute" } else { "20/minute" }
    /// }
    ///
    /// let limit = Limit::dynamic(by_tier);
    /// # let _ = limit;
    /// ```
    pub fn dynamic<F, Q>(function: F) -> Self
    where
        F: Fn(&ServiceRequest) -> Q + Send + Sync + 'static,
        Q: FunctionValue<DynamicQuotas>,
    {
        Self::from_source(Source::dynamic(function))
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
