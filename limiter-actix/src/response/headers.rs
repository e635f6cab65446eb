//! Sets the headers of responses.

mod format;
pub(crate) mod ietf_draft_11;
mod retry_after;
pub(crate) mod x_ratelimit;

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderValue};
use limiter_core::{Timestamp, Window};

use self::format::number;
use crate::{CurrentLimit, report::decided_by::DecidedBy, settings::headers::HeaderSettings};

/// Sets the headers, and replaces those of the same names. `window` is that of the one limit that `X-RateLimit-*`
/// describes.
pub(crate) fn set(
    settings: &HeaderSettings,
    headers: &mut HeaderMap,
    window: &Window,
    limits: &[CurrentLimit],
    now: Timestamp,
) {
    if settings.which.x_ratelimit {
        x_ratelimit::set(headers, &settings.names, number(window.limit()), window, now);
    }
    if settings.which.ietf_draft_11 {
        let retry_after = retry_after::read(headers, &settings.names.retry_after, now);
        ietf_draft_11::set(headers, limits, retry_after);
    }
}

/// Sets the header that names the decider, if that is not the storage. `memory` from a limiter further in stays.
pub(crate) fn set_fallback(settings: &HeaderSettings, headers: &mut HeaderMap, decided_by: DecidedBy) {
    let Some(name) = &settings.fallback else { return };
    let value = match decided_by {
        DecidedBy::Storage => return,
        DecidedBy::Skipped => "none",
        DecidedBy::Memory => "memory",
    };
    if decided_by == DecidedBy::Memory || !headers.contains_key(name) {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
}

/// Adds `Retry-After` where it is not there yet.
pub(crate) fn add_retry_after(
    settings: &HeaderSettings,
    headers: &mut HeaderMap,
    wait: Duration,
    now: Timestamp,
) {
    retry_after::add(headers, &settings.names.retry_after, settings.retry_after, wait, now);
}

/// Sets `Retry-After`, unless it is there with a longer wait.
pub(crate) fn set_retry_after(
    settings: &HeaderSettings,
    headers: &mut HeaderMap,
    wait: Duration,
    now: Timestamp,
) {
    retry_after::set(headers, &settings.names.retry_after, settings.retry_after, wait, now);
}
