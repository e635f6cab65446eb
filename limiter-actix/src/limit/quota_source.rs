use std::{borrow::Cow, fmt, sync::Arc};

use actix_web::dev::ServiceRequest;
use limiter_core::{Quota, Quotas};

/// Where a limit's quotas come from.
#[derive(Clone)]
pub(crate) enum Source {
    Fixed(Quota),
    Dynamic(QuotasFn),
}

pub(crate) type QuotasFn = Arc<dyn Fn(&ServiceRequest) -> DynamicQuotas + Send + Sync>;

impl Source {
    /// The quota, where no function tells it.
    pub(crate) fn quota(&self) -> Option<Quota> {
        match self {
            Self::Fixed(quota) => Some(*quota),
            Self::Dynamic(_) => None,
        }
    }

    pub(super) fn dynamic<F, Q>(function: F) -> Self
    where
        F: Fn(&ServiceRequest) -> Q + Send + Sync + 'static,
        Q: Into<DynamicQuotas>,
    {
        Self::Dynamic(Arc::new(move |req| function(req).into()))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(quota) => quota.fmt(f),
            Self::Dynamic(_) => f.write_str("dynamic"),
        }
    }
}

/// What a function tells that is asked for the limits of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DynamicQuotas {
    /// No limit for this request.
    Unlimited,
    /// These quotas.
    Quotas(Quotas),
    /// A text in the notation of [`Quotas`], which is read once and then remembered.
    Text(Cow<'static, str>),
    /// It cannot tell, for this reason: the request is answered 500.
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
    /// None is no limit.
    fn from(quotas: Option<Q>) -> Self {
        quotas.map_or(Self::Unlimited, Into::into)
    }
}

impl<Q: Into<Self>, E: fmt::Display> From<Result<Q, E>> for DynamicQuotas {
    fn from(quotas: Result<Q, E>) -> Self {
        quotas.map_or_else(|error| Self::Error(error.to_string()), Into::into)
    }
}
