use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, HttpDate, TryIntoHeaderValue};
use limiter_core::Timestamp;

use super::{number, seconds};

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

impl RetryAfter {
    /// Sets the header, unless a longer one is there.
    pub(super) fn set(self, headers: &mut HeaderMap, name: &HeaderName, wait: Duration, now: Timestamp) {
        // A client that is told to wait for no time at all would be back at once.
        let wait = wait.max(Duration::from_secs(1));
        if told(headers, name, now).is_some_and(|there| there > seconds(wait)) {
            return;
        }
        if let Some(value) = self.value(wait, now) {
            headers.insert(name.clone(), value);
        }
    }

    fn value(self, wait: Duration, now: Timestamp) -> Option<HeaderValue> {
        match self {
            Self::Seconds => Some(number(seconds(wait))),
            Self::HttpDate => {
                let until = Duration::from_secs(now.after(wait).as_secs_ceil());
                HttpDate::from(UNIX_EPOCH + until).try_into_value().ok()
            }
        }
    }
}

/// How many seconds an answer tells its client to wait, in either form; none when it does not, or says
/// something that is neither.
pub(super) fn told(headers: &HeaderMap, name: &HeaderName, now: Timestamp) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only a number too large for 64 bits cannot be read.
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    let until = SystemTime::from(text.parse::<HttpDate>().ok()?).duration_since(UNIX_EPOCH).ok()?;
    Some(until.as_secs().saturating_sub(now.as_nanos() / 1_000_000_000))
}
