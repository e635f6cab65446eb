use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, HttpDate, TryIntoHeaderValue};
use limiter_core::Timestamp;

use super::format::number;
use crate::{RetryAfter, report::breach::whole_seconds};

/// Sets the header, unless it is there with a longer wait.
pub(super) fn set(
    headers: &mut HeaderMap,
    name: &HeaderName,
    form: RetryAfter,
    wait: Duration,
    now: Timestamp,
) {
    if read(headers, name, now).is_none_or(|there| there <= whole_seconds(wait)) {
        add(headers, name, form, wait, now);
    }
}

/// Sets the header where it is not there yet, or has a shorter wait.
pub(super) fn add(
    headers: &mut HeaderMap,
    name: &HeaderName,
    form: RetryAfter,
    wait: Duration,
    now: Timestamp,
) {
    let wait = wait.max(Duration::from_secs(1));
    if let Some(value) = value(form, wait, now) {
        headers.insert(name.clone(), value);
    }
}

fn value(form: RetryAfter, wait: Duration, now: Timestamp) -> Option<HeaderValue> {
    match form {
        RetryAfter::Seconds => Some(number(whole_seconds(wait))),
        RetryAfter::HttpDate => {
            let until = Duration::from_secs(now.after(wait).as_secs_ceil());
            HttpDate::from(UNIX_EPOCH + until).try_into_value().ok()
        }
    }
}

/// Returns the seconds of a `Retry-After` in either form. Returns `None` if there is none, or it is invalid.
pub(super) fn read(headers: &HeaderMap, name: &HeaderName, now: Timestamp) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // It fails only for a number too large for 64 bits.
        return Some(text.parse().unwrap_or(u64::MAX));
    }
    let until = SystemTime::from(text.parse::<HttpDate>().ok()?).duration_since(UNIX_EPOCH).ok()?;
    Some(until.as_secs().saturating_sub(now.as_nanos() / 1_000_000_000))
}
