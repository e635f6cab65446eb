//! Settings about responses.

use actix_web::http::StatusCode;

use super::reader::{Reader, Value};
use crate::{
    Headers, RetryAfter,
    settings::{banned, partial::HeaderNameOverrides},
};

impl Reader<'_> {
    /// Reads `true`, `false`, or the names of headers.
    pub(super) fn headers(&mut self, value: Value<'_>) -> Option<Headers> {
        if let Some(enabled) = value.node.get_ref().as_bool() {
            return Some(enabled.into());
        }
        let kinds = [("x-ratelimit", Headers::X_RATELIMIT), ("ietf-draft-11", Headers::IETF_DRAFT_11)];
        let each: Vec<_> = value.each().into_iter().map(|it| self.choice(it, &kinds)).collect();
        each.into_iter().try_fold(Headers::NONE, |all, one| Some(all | one?))
    }

    pub(super) fn header_names(&mut self, value: Value<'_>) -> Option<HeaderNameOverrides> {
        let mut fields = self.table(value)?;
        let names = HeaderNameOverrides {
            limit: fields.take("limit").and_then(|it| self.header_name(it)),
            remaining: fields.take("remaining").and_then(|it| self.header_name(it)),
            reset: fields.take("reset").and_then(|it| self.header_name(it)),
            retry_after: fields.take("retry_after").and_then(|it| self.header_name(it)),
            fallback: fields.take("fallback").and_then(|it| self.header_name(it)),
        };
        self.reject_unknown(fields);
        Some(names)
    }

    pub(super) fn ban_status(&mut self, value: Value<'_>) -> Option<StatusCode> {
        let integer = value.node.get_ref().as_integer();
        let number = integer.and_then(|it| u64::from_str_radix(it.as_str(), it.radix()).ok());
        let status = number.and_then(banned::status);
        if status.is_none() {
            self.expected(value, "403 or 429");
        }
        status
    }

    pub(super) fn retry_after(&mut self, value: Value<'_>) -> Option<RetryAfter> {
        self.choice(value, &[("delta-seconds", RetryAfter::Seconds), ("http-date", RetryAfter::HttpDate)])
    }
}
