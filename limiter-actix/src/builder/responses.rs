//! What clients are told.

use std::sync::Arc;

use actix_web::HttpResponse;

use super::LimiterBuilder;
use crate::settings::partial::HeaderNameOverrides;
use crate::{Breach, HeaderNames, Headers, RetryAfter, report::partition_key::PartitionSecret};

impl LimiterBuilder {
    /// Which headers tell how the client stands, on every answer that had limits; none unless set. `true` means
    /// [`Headers::X_RATELIMIT`].
    pub fn headers(mut self, headers: impl Into<Headers>) -> Self {
        self.code.headers = Some(headers.into());
        self
    }

    /// The names of those headers, and of `Retry-After`.
    pub fn header_names(mut self, names: HeaderNames) -> Self {
        let HeaderNames { limit, remaining, reset, retry_after } = names;
        let fallback = self.code.names.fallback.take();
        self.code.names = HeaderNameOverrides {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(reset),
            retry_after: Some(retry_after),
            fallback,
        };
        self
    }

    /// The form of `Retry-After`, which refusals have; [`RetryAfter::Seconds`] unless set.
    pub fn retry_after(mut self, form: RetryAfter) -> Self {
        self.code.retry_after = Some(form);
        self
    }

    /// Shows clients which of them share a count: [`Headers::IETF_DRAFT_11`] then carries the key of each limit
    /// as a partition key, under a hash that `secret` is the key of.
    ///
    /// Whoever knows the secret can find the key that a hash is of, by trying all that come into question. Take
    /// 16 random bytes, the same in all processes.
    pub fn partition_keys(mut self, secret: &[u8; 16]) -> Self {
        self.settings.headers.partitions = Some(PartitionSecret::new(secret));
        self
    }

    /// Answers refusals by limits that do not do so themselves; none means the default answer.
    pub fn on_breach(
        mut self,
        answer: impl Fn(&Breach) -> Option<HttpResponse> + Send + Sync + 'static,
    ) -> Self {
        self.settings.on_breach = Some(Arc::new(answer));
        self
    }

    /// Answers refusals by meta limits; none means the default answer.
    pub fn on_meta_breach(
        mut self,
        answer: impl Fn(&Breach) -> Option<HttpResponse> + Send + Sync + 'static,
    ) -> Self {
        self.settings.on_meta_breach = Some(Arc::new(answer));
        self
    }
}
