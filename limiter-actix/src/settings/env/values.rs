//! Parses the values of variables. Errors are messages.

use actix_web::http::{StatusCode, header::HeaderName};
use limiter_core::{ParseStrategyError, ParseTimeZoneError, Strategy, TimeZone};

use crate::{
    IntoLimits, Limits, RetryAfter,
    settings::{banned, suggest::did_you_mean},
};

/// Returns the message that a text is something else.
fn expected(expected: &str, text: &str) -> String {
    format!("expected {expected}, found {}", shown(text))
}

/// Returns a text as messages show it.
fn shown(text: &str) -> String {
    /// Longer texts are not repeated.
    const MAX_SHOWN: usize = 60;
    if text.chars().count() <= MAX_SHOWN { format!("`{text}`") } else { "a long text".to_owned() }
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(expected("`true` or `false`", text)),
    }
}

pub(super) fn strategy(text: &str) -> Result<Strategy, String> {
    let suggestion = || did_you_mean(text, Strategy::ALL.map(Strategy::name));
    text.parse()
        .map_err(|error: ParseStrategyError| format!("{error}, found {}{}", shown(text), suggestion()))
}

pub(super) fn time_zone(text: &str) -> Result<TimeZone, String> {
    text.parse().map_err(|error: ParseTimeZoneError| format!("{error}, found {}", shown(text)))
}

pub(super) fn quotas(text: &str) -> Result<Limits, String> {
    text.into_limits().map_err(|error| format!("{error}, in {}", shown(text)))
}

pub(super) fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| expected(&format!("a whole number from 0 to {}", u64::MAX), text))
}

pub(super) fn ban_status(text: &str) -> Result<StatusCode, String> {
    let status = text.parse().ok().and_then(banned::status);
    status.ok_or_else(|| expected("403 or 429", text))
}

pub(super) fn header(text: &str) -> Result<HeaderName, String> {
    HeaderName::try_from(text).map_err(|_| expected("a header name", text))
}

pub(super) fn retry_after(text: &str) -> Result<RetryAfter, String> {
    match text {
        "delta-seconds" => Ok(RetryAfter::Seconds),
        "http-date" => Ok(RetryAfter::HttpDate),
        _ => Err(expected("`delta-seconds` or `http-date`", text)),
    }
}
