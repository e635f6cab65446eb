//! The quotas of a limit: fixed, or computed from the request.

use std::{borrow::Cow, fmt, sync::Arc};

use actix_web::dev::ServiceRequest;
use limiter_core::{Quota, Quotas};

use super::{callback::Callback, function_value::FunctionValue};

/// The origin of a limit's quotas.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Fixed(Quota),
    Dynamic(QuotasFn),
}

pub(crate) type QuotasFn = Callback<dyn Fn(&ServiceRequest) -> DynamicQuotas + Send + Sync>;

impl Source {
    /// Returns the quota if it is fixed.
    pub(crate) fn quota(&self) -> Option<Quota> {
        match self {
            Self::Fixed(quota) => Some(*quota),
            Self::Dynamic(_) => None,
        }
    }

    pub(crate) fn dynamic<F, Q>(function: F) -> Self
    where
        F: Fn(&ServiceRequest) -> Q + Send + Sync + 'static,
        Q: FunctionValue<DynamicQuotas>,
    {
        let quotas = move |req: &_| function(req).into_value().unwrap_or_else(DynamicQuotas::Error);
        Self::Dynamic(Callback(Arc::new(quotas)))
    }
}

/// The quotas that a dynamic limit computes for a request. See [`Limit::dynamic`](crate::Limit::dynamic).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DynamicQuotas {
    /// No limit for this request.
    Unlimited,
    /// These quotas.
    Quotas(Quotas),
    /// A text in the notation of [`Quotas`], which is parsed once and then remembered.
    Text(Cow<'static, str>),
    /// The function failed for this reason, and the response is 500.
    Error(String),
}

impl From<Quota> for DynamicQuotas {
    fn from(quota: Quota) -> Self {
        Self::Quotas(quota.into())
    }
}

impl From<Quotas> for DynamicQuotas {
    fn from(quotas: Quotas) -> Self {
        Self::Quotas(quotas)
    }
}

impl From<&'static str> for DynamicQuotas {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for DynamicQuotas {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<Q: Into<Self>> From<Option<Q>> for DynamicQuotas {
    /// Converts `None` into no limit.
    fn from(quotas: Option<Q>) -> Self {
        quotas.map_or(Self::Unlimited, Into::into)
    }
}

impl<Q: Into<Self>, E: fmt::Display> From<Result<Q, E>> for DynamicQuotas {
    fn from(quotas: Result<Q, E>) -> Self {
        quotas.map_or_else(|error| Self::Error(error.to_string()), Into::into)
    }
}
