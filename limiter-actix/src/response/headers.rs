//! The headers that tell clients how they stand.

pub(crate) mod ietf_draft_11;
pub(crate) mod retry_after;
pub(crate) mod x_ratelimit;

use std::{ops::BitOr, time::Duration};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use limiter_core::{Key, Timestamp, Window};

use crate::{CurrentLimit, limit::on_storage_failure::DecidedBy};

pub use self::{retry_after::RetryAfter, x_ratelimit::HeaderNames};
use crate::report::{
    partition_key::{Partition, Secret},
    policy_name::{printable, told_apart},
};

/// Which headers tell clients how they stand: on every answer that had limits, whatever its status.
///
/// ```
/// use limiter_actix::{Headers, Limiter};
///
/// let both = Limiter::builder().headers(Headers::X_RATELIMIT | Headers::IETF_DRAFT_11);
/// let the_usual = Limiter::builder().headers(true);
/// # let _ = (both, the_usual);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    pub(crate) x_ratelimit: bool,
    pub(crate) ietf_draft_11: bool,
}

impl Headers {
    /// None but `Retry-After`, which all refusals have.
    pub const NONE: Self = Self { x_ratelimit: false, ietf_draft_11: false };

    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`, or as [`HeaderNames`] says, for one limit: the one that
    /// was breached, or else the one with the shortest window at the innermost level.
    pub const X_RATELIMIT: Self = Self { x_ratelimit: true, ..Self::NONE };

    /// `RateLimit` and `RateLimit-Policy` for all limits, as revision 11 of
    /// draft-ietf-httpapi-ratelimit-headers has them.
    ///
    /// An Internet-Draft is no standard and may change, so the option carries the number of the revision; a
    /// later one will be another option.
    pub const IETF_DRAFT_11: Self = Self { ietf_draft_11: true, ..Self::NONE };
}

impl BitOr for Headers {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            x_ratelimit: self.x_ratelimit | other.x_ratelimit,
            ietf_draft_11: self.ietf_draft_11 | other.ietf_draft_11,
        }
    }
}

impl From<bool> for Headers {
    /// [`X_RATELIMIT`](Self::X_RATELIMIT) or [`NONE`](Self::NONE).
    fn from(enabled: bool) -> Self {
        if enabled { Self::X_RATELIMIT } else { Self::NONE }
    }
}

/// What a limiter was told of headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderSettings {
    pub(crate) which: Headers,
    pub(crate) names: HeaderNames,
    pub(crate) retry_after: RetryAfter,
    /// Says who has decided while the storage failed; not sent unless it has a name.
    pub(crate) fallback: Option<HeaderName>,
    /// Hashes the keys of clients that the fields of the IETF show; they show none without.
    pub(crate) partitions: Option<Secret>,
}

impl HeaderSettings {
    /// Sets the headers, in place of any of the same names. `window` is that of the one limit that speaks for
    /// all, where one must.
    pub(crate) fn set(
        &self,
        headers: &mut HeaderMap,
        window: &Window,
        limits: &[CurrentLimit],
        now: Timestamp,
    ) {
        if self.which.x_ratelimit {
            self.names.set(headers, window, now);
        }
        if self.which.ietf_draft_11 {
            ietf_draft_11::set(headers, limits, retry_after::told(headers, &self.names.retry_after, now));
        }
    }

    /// Sets the header that says who has decided, when the storage has not.
    pub(crate) fn set_fallback(&self, headers: &mut HeaderMap, decided_by: DecidedBy) {
        if let Some(name) = &self.fallback {
            decided_by.show(name, headers);
        }
    }

    /// The key of a client as the fields of the IETF show it.
    pub(crate) fn partition(&self, key: &Key) -> Option<Partition> {
        self.partitions.as_ref().map(|secret| secret.partition(key))
    }

    /// Sets `Retry-After`, unless a longer one is there.
    pub(crate) fn set_retry_after(&self, headers: &mut HeaderMap, wait: Duration, now: Timestamp) {
        self.retry_after.set(headers, &self.names.retry_after, wait, now);
    }
}

/// A number as the value of a header. That of `From` takes two allocations, and this one.
fn number(number: u64) -> HeaderValue {
    let mut digits = itoa::Buffer::new();
    HeaderValue::from_str(digits.format(number)).unwrap_or_else(|_| number.into())
}

/// Whole seconds that are enough.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}
