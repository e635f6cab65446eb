//! The headers of responses, and their names.

use std::ops::BitOr;

use actix_web::http::header::{HeaderName, RETRY_AFTER};
use limiter_core::Key;

use crate::report::partition_key::{PartitionKey, PartitionSecret};

/// The headers that show clients their limits, on every response to a limited request, whatever its status.
///
/// ```
/// use limiter_actix::{Headers, Limiter};
///
/// let both = Limiter::builder().headers(Headers::X_RATELIMIT | Headers::IETF_DRAFT_11);
/// let usual = Limiter::builder().headers(true);
/// # let _ = (both, usual);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    pub(crate) x_ratelimit: bool,
    pub(crate) ietf_draft_11: bool,
}

impl Headers {
    /// No headers, except for `Retry-After`, which all refusals have.
    pub const NONE: Self = Self { x_ratelimit: false, ietf_draft_11: false };

    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset`, or the names in [`HeaderNames`].
    ///
    /// They describe one limit: the one that refused. If none did, it is the limit with the shortest window at the
    /// innermost level.
    pub const X_RATELIMIT: Self = Self { x_ratelimit: true, ..Self::NONE };

    /// `RateLimit` and `RateLimit-Policy` for all limits, by revision 11 of draft-ietf-httpapi-ratelimit-headers.
    ///
    /// An Internet-Draft may change, so the option has the number of the revision. A later revision will be another
    /// option.
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
    /// Converts `true` into [`X_RATELIMIT`](Self::X_RATELIMIT), and `false` into [`NONE`](Self::NONE).
    fn from(enabled: bool) -> Self {
        if enabled { Self::X_RATELIMIT } else { Self::NONE }
    }
}

/// The settings of headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderSettings {
    pub(crate) which: Headers,
    pub(crate) names: HeaderNames,
    pub(crate) retry_after: RetryAfter,
    /// The name of the header that reports who decided while the storage failed. Not sent without a name.
    pub(crate) fallback: Option<HeaderName>,
    /// Hashes the keys of clients in the fields of the IETF draft, which show no keys without it.
    pub(crate) partitions: Option<PartitionSecret>,
}

impl HeaderSettings {
    /// Returns the key of a client as the fields of the IETF draft show it.
    pub(crate) fn partition(&self, key: &Key) -> Option<PartitionKey> {
        self.partitions.as_ref().map(|secret| secret.partition(key))
    }
}

/// The names of headers.
///
/// ```
/// use actix_web::http::header::HeaderName;
/// use limiter_actix::{HeaderNames, Limiter};
///
/// let names = HeaderNames { reset: HeaderName::from_static("x-quota-reset"), ..HeaderNames::default() };
/// let limiter = Limiter::builder().headers(true).header_names(names).build()?;
/// # let _ = limiter;
/// # Ok::<(), limiter_actix::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderNames {
    /// Header with the amount of the quota.
    pub limit: HeaderName,
    /// Header with the amount that remains.
    pub remaining: HeaderName,
    /// Header with the end of the window, in seconds since the Unix epoch, rounded up.
    pub reset: HeaderName,
    /// Header with the time that a refused client should wait.
    pub retry_after: HeaderName,
}

impl Default for HeaderNames {
    /// Returns `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset` and `Retry-After`.
    fn default() -> Self {
        Self {
            limit: HeaderName::from_static("x-ratelimit-limit"),
            remaining: HeaderName::from_static("x-ratelimit-remaining"),
            reset: HeaderName::from_static("x-ratelimit-reset"),
            retry_after: RETRY_AFTER,
        }
    }
}

/// The two forms of `Retry-After` (RFC 9110, section 10.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// Whole seconds, rounded up, at least 1. All clients support this form.
    #[default]
    Seconds,
    /// An instant, such as `Sun, 06 Nov 1994 08:49:37 GMT`. Requires that the client's clock is right.
    HttpDate,
}
