//! Settings for storage failures.

use actix_web::http::header::HeaderName;

use super::LimiterBuilder;
use crate::{IntoLimits, Leases, OnStorageFailure, limit::place::LimitPlace};

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
        self.code.fallback = Some(self.read("in_memory_fallback", LimitPlace::Outage, limits));
        self
    }

    /// Sets the name of a header on responses to requests that the storage did not decide. Defaults to no header.
    ///
    /// Its value is `memory`, or `none` if all limits were skipped or the response is 503.
    pub fn fallback_header(mut self, name: HeaderName) -> Self {
        self.code.names.fallback = Some(name);
        self
    }

    /// Sets whether refusals of a storage on another machine are repeated without a round trip, for at most 2 s.
    /// Defaults to `true`.
    pub fn local_refusals(mut self, local_refusals: bool) -> Self {
        self.code.local_refusals = Some(local_refusals);
        self
    }

    /// Charges hot counts of a storage on another machine ahead of need, so that most requests are decided without a round
    /// trip. Defaults to off: each request calls the storage. [`Limit::leases`](crate::Limit::leases) turns it on or off for
    /// one limit.
    ///
    /// Never more is admitted than the limit, over all processes. At most the [share](Leases::share) of what remains stands
    /// unused, and for the [duration](Leases::duration) of a lease at most. It applies to limits with fixed windows that
    /// neither keep what was used nor are metered, in requests without meta limits; other requests call the storage as before.
    /// Counts in memory need no leases. Before the process ends, [`Limiter::flush`](crate::Limiter::flush) refunds what is
    /// unused.
    ///
    /// ```no_run
    /// use limiter_actix::{Leases, Limiter};
    ///
    /// let limiter = Limiter::builder()
    ///     .storage_uri("redis://127.0.0.1:6379")
    ///     .application_limits("20000/second")
    ///     .leases(Leases::default())
    ///     .build()?;
    /// # Ok::<(), limiter_actix::BuildError>(())
    /// ```
    pub fn leases(mut self, leases: Leases) -> Self {
        self.code.leases = Some(Some(leases));
        self
    }
}
