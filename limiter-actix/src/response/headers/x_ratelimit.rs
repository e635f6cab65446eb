use actix_web::http::header::{HeaderMap, HeaderName, RETRY_AFTER};
use limiter_core::{Timestamp, Window};

use super::number;

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

impl HeaderNames {
    /// Sets the three headers of a window. The reset is an instant, as most that read this header take it;
    /// `RateLimit` has the same as a wait.
    pub(super) fn set(&self, headers: &mut HeaderMap, window: &Window, now: Timestamp) {
        headers.reserve(3);
        headers.insert(self.limit.clone(), number(window.limit()));
        headers.insert(self.remaining.clone(), number(window.remaining()));
        headers.insert(self.reset.clone(), number(now.after(window.reset()).as_secs_ceil()));
    }
}
