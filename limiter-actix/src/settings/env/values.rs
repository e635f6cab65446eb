//! Parses the values of variables. Errors are messages.

use std::time::Duration;

use actix_web::http::header::HeaderName;
use limiter_core::{ParseStrategyError, ParseTimeZoneError, Strategy, TimeZone};

use crate::{
    IntoLimits, Limits, RetryAfter,
    settings::{
        function_deadline::FUNCTION_DEADLINES,
        suggest::{did_you_mean, shown},
    },
};

/// Returns the message that a text is something else.
fn expected(expected: &str, text: &str) -> String {
    format!("expected {expected}, found {}", shown(text))
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

/// Reads a number of milliseconds.
pub(super) fn function_deadline(text: &str) -> Result<Duration, String> {
    let milliseconds = text.parse().ok().filter(|number| FUNCTION_DEADLINES.contains(number));
    milliseconds
        .map(Duration::from_millis)
        .ok_or_else(|| expected("a number of milliseconds from 1 to 60000", text))
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
