use std::{fmt, sync::Arc};

use actix_web::dev::ServiceRequest;
use limiter_core::{ParseQuotaError, Quota, Quotas};

/// Where a limit's quotas come from.
#[derive(Clone)]
pub(crate) enum Source {
    Fixed(Quota),
    Dynamic(QuotasFn),
}

/// None: no limit for this request.
pub(crate) type QuotasFn =
    Arc<dyn Fn(&ServiceRequest) -> Result<Option<Quotas>, ParseQuotaError> + Send + Sync>;

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
        Q: IntoQuotas,
    {
        Self::Dynamic(Arc::new(move |req| function(req).into_quotas()))
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

/// What a function that tells limits may return.
pub trait IntoQuotas {
    /// The quotas, or none for no limit.
    ///
    /// # Errors
    ///
    /// When a text is not in the notation of [`Quotas`].
    fn into_quotas(self) -> Result<Option<Quotas>, ParseQuotaError>;
}

impl IntoQuotas for Quota {
    fn into_quotas(self) -> Result<Option<Quotas>, ParseQuotaError> {
        Ok(Some(self.into()))
    }
}

impl IntoQuotas for Quotas {
    fn into_quotas(self) -> Result<Option<Quotas>, ParseQuotaError> {
        Ok(Some(self))
    }
}

impl IntoQuotas for &str {
    fn into_quotas(self) -> Result<Option<Quotas>, ParseQuotaError> {
        self.parse().map(Some)
    }
}

impl IntoQuotas for String {
    fn into_quotas(self) -> Result<Option<Quotas>, ParseQuotaError> {
        self.as_str().into_quotas()
    }
}

impl<Q: IntoQuotas> IntoQuotas for Option<Q> {
    fn into_quotas(self) -> Result<Option<Quotas>, ParseQuotaError> {
        self.map_or(Ok(None), Q::into_quotas)
    }
}
