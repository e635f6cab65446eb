//! Which headers responses have, and their names.

use std::ops::BitOr;

use actix_web::http::header::{HeaderName, RETRY_AFTER};
use limiter_core::Key;

use crate::report::partition_key::{PartitionKey, PartitionSecret};

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
    pub(crate) partitions: Option<PartitionSecret>,
}

impl HeaderSettings {
    /// The key of a client as the fields of the IETF show it.
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
    /// The amount of the quota.
    pub limit: HeaderName,
    /// What is left of it.
    pub remaining: HeaderName,
    /// When the window ends, in seconds since the Unix epoch, rounded up.
    pub reset: HeaderName,
    /// How long a refused client should wait.
    pub retry_after: HeaderName,
}

impl Default for HeaderNames {
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset` and `Retry-After`.
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
    /// Whole seconds, rounded up, at least 1. All clients read this one.
    #[default]
    Seconds,
    /// An instant, as in `Sun, 06 Nov 1994 08:49:37 GMT`. It is right only where the client's clock is.
    HttpDate,
}
