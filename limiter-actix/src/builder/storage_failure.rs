//! What happens while the storage fails.

use actix_web::http::header::HeaderName;

use super::LimiterBuilder;
use crate::{IntoLimits, OnStorageFailure};

impl LimiterBuilder {
    /// What limits do that do not say so themselves when the storage fails; [`OnStorageFailure::Fallback`]
    /// unless set.
    pub fn on_storage_failure(mut self, on_failure: OnStorageFailure) -> Self {
        self.code.on_storage_failure = Some(on_failure);
        self
    }

    /// The limits that hold in place of all others while the storage fails, per client and route; the others
    /// themselves unless set.
    ///
    /// Several processes decide each by itself then, so these are mostly tighter. They replace what would be
    /// decided in memory: a request without limits has none of these either, and limits that
    /// [deny or allow](OnStorageFailure) do so. Meta limits do not hold meanwhile: nobody is to be shut out for
    /// breaching limits that are there for the outage only.
    pub fn in_memory_fallback(mut self, limits: impl IntoLimits) -> Self {
        self.code.fallback = Some(self.read("in_memory_fallback", limits));
        self
    }

    /// Names a header that says on each answer to a request that the storage did not decide who did: `memory`,
    /// or `none`. It is not sent unless named.
    pub fn fallback_header(mut self, name: HeaderName) -> Self {
        self.code.names.fallback = Some(name);
        self
    }

    /// Whether this process remembers for up to 5 s what a storage on another machine has refused, and refuses
    /// the same again without asking it; it does unless set. A storage in memory is always asked.
    pub fn local_refusals(mut self, local_refusals: bool) -> Self {
        self.code.local_refusals = Some(local_refusals);
        self
    }
}
