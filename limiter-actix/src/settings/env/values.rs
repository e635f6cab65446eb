//! Parses the values of variables. Errors are messages.

use std::time::Duration;

use actix_web::http::{StatusCode, header::HeaderName};
use limiter_core::{KeyForm, ParseStrategyError, ParseTimeZoneError, Strategy, TimeZone};

use crate::{
    Headers, IntoLimits, Limits, OnStorageFailure, RetryAfter,
    key::{address::IPV6_PREFIXES, proxies::network},
    settings::{
        banned,
        function_deadline::FUNCTION_DEADLINES,
        storage_deadline,
        suggest::{did_you_mean, shown},
    },
};

/// Returns the message that a text is something else.
pub(super) fn expected(expected: &str, text: &str) -> String {
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

pub(super) fn ban_status(text: &str) -> Result<StatusCode, String> {
    let status = text.parse().ok().and_then(banned::status);
    status.ok_or_else(|| expected("403 or 429", text))
}

pub(super) fn header(text: &str) -> Result<HeaderName, String> {
    HeaderName::try_from(text).map_err(|_| expected("a header name", text))
}

/// Reads the names of headers, or a switch.
pub(super) fn headers(text: &str) -> Result<Headers, String> {
    if let Ok(is_on) = boolean(text) {
        return Ok(is_on.into());
    }
    let each = text.split(',').map(|name| match name.trim() {
        "x-ratelimit" => Ok(Headers::X_RATELIMIT),
        "ietf-draft-11" => Ok(Headers::IETF_DRAFT_11),
        other => Err(expected("`true`, `false`, `x-ratelimit` or `ietf-draft-11`", other)),
    });
    each.into_iter().try_fold(Headers::NONE, |all, one| Ok(all | one?))
}

pub(super) fn ipv6_prefix(text: &str) -> Result<u8, String> {
    let bits = text.parse().ok().filter(|bits| IPV6_PREFIXES.contains(bits));
    bits.ok_or_else(|| expected("a whole number from 32 to 128", text))
}

pub(super) fn hops(text: &str) -> Result<usize, String> {
    let hops = text.parse().ok().filter(|hops| (1..=64).contains(hops));
    hops.ok_or_else(|| expected("a whole number from 1 to 64", text))
}

/// Reads networks, or `none`.
pub(super) fn networks(text: &str) -> Result<Option<Vec<String>>, String> {
    let network = |text: &str| match network::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(expected("networks such as `10.0.0.0/8, fd00::1`, or `none`", text)),
    };
    if text == "none" {
        return Ok(None);
    }
    text.split(',').map(|text| network(text.trim())).collect::<Result<_, _>>().map(Some)
}

pub(super) fn key_form(text: &str) -> Result<KeyForm, String> {
    match text {
        "full" => Ok(KeyForm::Full),
        "hashed" => Ok(KeyForm::Hashed),
        "hidden" => Ok(KeyForm::Hidden),
        _ => Err(expected("`full`, `hashed` or `hidden`", text)),
    }
}

/// Reads kinds of keys with their forms: `user = full, header x-api-key = hidden`.
pub(super) fn key_forms(text: &str) -> Result<Vec<(Box<str>, KeyForm)>, String> {
    let each = text.split(',').map(|one| {
        let (kind, form) = one.split_once('=').ok_or_else(|| expected("`user = full`", one.trim()))?;
        Ok((kind.trim().into(), key_form(form.trim())?))
    });
    each.collect()
}

pub(super) fn on_storage_failure(text: &str) -> Result<OnStorageFailure, String> {
    match text {
        "fallback" => Ok(OnStorageFailure::Fallback),
        "allow" => Ok(OnStorageFailure::Allow),
        "deny" => Ok(OnStorageFailure::Deny),
        _ => Err(expected("`fallback`, `allow` or `deny`", text)),
    }
}

pub(super) fn deadline(text: &str) -> Result<Duration, String> {
    storage_deadline::parse(text).ok_or_else(|| expected(storage_deadline::EXPECTED, text))
}

pub(super) fn retry_after(text: &str) -> Result<RetryAfter, String> {
    match text {
        "delta-seconds" => Ok(RetryAfter::Seconds),
        "http-date" => Ok(RetryAfter::HttpDate),
        _ => Err(expected("`delta-seconds` or `http-date`", text)),
    }
}
