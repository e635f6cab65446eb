//! The headers that tell clients how they stand.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use limiter_core::{Timestamp, Window};

/// The names of the headers that tell a client how it stands, after every answer that had limits.
///
/// They speak of the limit that was breached, or else of the one with the shortest window at the innermost
/// level, or else of the application's. `reset` is in seconds since the Unix epoch, rounded up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderNames {
    /// The amount of the quota.
    pub limit: HeaderName,
    /// What is left of it.
    pub remaining: HeaderName,
    /// When the window ends.
    pub reset: HeaderName,
}

impl Default for HeaderNames {
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`.
    fn default() -> Self {
        Self {
            limit: HeaderName::from_static("x-ratelimit-limit"),
            remaining: HeaderName::from_static("x-ratelimit-remaining"),
            reset: HeaderName::from_static("x-ratelimit-reset"),
        }
    }
}

impl HeaderNames {
    /// Sets the headers, in place of any of the same names.
    pub(crate) fn set(&self, headers: &mut HeaderMap, window: &Window, decided_at: Timestamp) {
        headers.insert(self.limit.clone(), window.limit().into());
        headers.insert(self.remaining.clone(), window.remaining().into());
        headers.insert(self.reset.clone(), decided_at.after(window.reset()).as_secs_ceil().into());
    }
}

/// Sets `Retry-After` in whole seconds, rounded up and at least 1, unless a longer one is there.
pub(crate) fn set_retry_after(headers: &mut HeaderMap, window: &Window) {
    let Some(wait) = window.retry_after() else { return };
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let seconds = seconds.max(1);
    let longer_is_there = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
        .is_some_and(|there| there > seconds);
    if !longer_is_there {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}
