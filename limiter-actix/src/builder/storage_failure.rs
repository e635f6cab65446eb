//! Settings for storage failures.

use actix_web::http::header::HeaderName;

use super::LimiterBuilder;
use crate::{IntoLimits, OnStorageFailure, limit::place::Place};

/// # Storage failures
impl LimiterBuilder {
    /// Sets the policy for storage failures of limits without one. Defaults to [`OnStorageFailure::Fallback`].
    pub fn on_storage_failure(mut self, on_failure: OnStorageFailure) -> Self {
        self.code.on_storage_failure = Some(on_failure);
        self
    }

    /// Sets the limits that replace all others while the storage fails, per client and route. Defaults to the usual
    /// limits.
    ///
    /// Each process counts separately then, so these limits are usually tighter. They replace only limits that memory
    /// would decide: an exempt request stays exempt, and limits that [deny or allow](OnStorageFailure) still do. Meta
    /// limits are not applied meanwhile, so that outage-only limits never lock a client out.
    pub fn in_memory_fallback(mut self, limits: impl IntoLimits) -> Self {
        self.code.fallback = Some(self.read("in_memory_fallback", Place::Outage, limits));
        self
    }

    /// Sets the name of a header on responses to requests that the storage did not decide. Defaults to no header.
    ///
    /// Its value is `memory`, or `none` if all limits were skipped or the response is 503.
    pub fn fallback_header(mut self, name: HeaderName) -> Self {
        self.code.names.fallback = Some(name);
        self
    }

    /// Sets whether refusals of a storage on another machine are repeated without a round trip, for at most 5 s.
    /// Defaults to `true`.
    pub fn local_refusals(mut self, local_refusals: bool) -> Self {
        self.code.local_refusals = Some(local_refusals);
        self
    }
}
