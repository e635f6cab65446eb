//! The fields of draft-ietf-httpapi-ratelimit-headers, revision 11. Their syntax is in this file only.
//!
//! Both are Lists of Items of Structured Fields (RFC 9651), each item a String: the name of a limit.

use std::{borrow::Cow, cell::RefCell};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use limiter_core::Window;

use super::format::seconds;
use crate::{
    CurrentLimit, Quota,
    plan::field_texts::FieldTexts,
    report::{current::LimitOutcome, partition_key::PartitionKey, policy_name::with_unique_names},
};

pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Returns what is the same in the fields of all requests that these limits admit. `None` if clients see no limit.
pub(crate) fn texts(limits: &[CurrentLimit]) -> Option<FieldTexts> {
    let (mut policies, mut names) = (String::new(), Vec::with_capacity(limits.len()));
    for (name, limit) in with_unique_names(limits) {
        let name = Name(name);
        write_policy(&mut policies, &name, limit);
        let mut text = String::new();
        if !names.is_empty() {
            text.push_str(", ");
        }
        name.write(&mut text);
        text.push_str(";r=");
        names.push(text.into());
    }
    let policies = HeaderValue::try_from(policies).ok().filter(|text| !text.is_empty())?;
    Some(FieldTexts { policies, names: names.into(), states: RefCell::default() })
}

/// Sets both fields for an admitted request.
pub(crate) fn set_admitted<'a>(
    headers: &mut HeaderMap,
    texts: &FieldTexts,
    windows: impl Iterator<Item = &'a Window>,
) {
    let mut states = texts.states.borrow_mut();
    states.clear();
    for (name, window) in texts.names.iter().zip(windows) {
        states.push_str(name);
        states.push_str(itoa::Buffer::new().format(integer(window.remaining())));
        let wait = seconds(window.reset());
        if wait > 0 {
            states.push_str(";t=");
            states.push_str(itoa::Buffer::new().format(integer(wait)));
        }
    }
    headers.insert(RATELIMIT_POLICY, texts.policies.clone());
    // It never fails, since the text is printable ASCII.
    if let Ok(value) = HeaderValue::from_str(&states) {
        headers.insert(RATELIMIT, value);
    }
}

/// Sets both fields, if there are limits. `retry_after` is the wait of the response, in seconds.
pub(crate) fn set(headers: &mut HeaderMap, limits: &[CurrentLimit], retry_after: Option<u64>) {
    let named = with_unique_names(limits);
    // Most items are a little shorter.
    let room = 48 * named.len();
    let (mut policies, mut states) = (String::with_capacity(room), String::with_capacity(room));
    for (name, limit) in named {
        let name = Name(name);
        write_policy(&mut policies, &name, limit);
        write_state(&mut states, &name, limit, retry_after);
    }
    if policies.is_empty() {
        return;
    }
    let fields = [(RATELIMIT_POLICY, policies), (RATELIMIT, states)];
    for (field, text) in fields {
        // It never fails, since the text is printable ASCII.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(field, value);
        }
    }
}

/// Writes the quota, such as `"burst";q=100;w=60`, or `"5 concurrent";q=5;qu="concurrent-requests"`.
fn write_policy(field: &mut String, name: &Name<'_>, limit: &CurrentLimit) {
    begin_item(field, name);
    parameter(field, 'q', limit.quota().amount());
    if limit.quota().unit().is_concurrent() {
        field.push_str(";qu=\"concurrent-requests\"");
    } else {
        parameter(field, 'w', limit.window_seconds);
    }
    partition(field, limit.partition);
}

/// Writes the remaining amount and the reset, such as `"burst";r=50;t=30`. In the draft, `t` is a wait, never an
/// instant, and not beyond `Retry-After`.
fn write_state(field: &mut String, name: &Name<'_>, limit: &CurrentLimit, retry_after: Option<u64>) {
    let window = limit.window();
    let refused_for = window.retry_after().map(|wait| seconds(wait).max(1));
    let (left, wait) = match limit.outcome {
        // Concurrent requests end at any time.
        LimitOutcome::Passed if limit.quota().unit().is_concurrent() => (window.remaining(), None),
        LimitOutcome::Passed => (window.remaining(), Some(seconds(window.reset()))),
        LimitOutcome::Refused => (0, refused_for),
        // The wait of the response is at least as long, and longer if the application has set one.
        LimitOutcome::RefusedLongest => (0, refused_for.max(retry_after)),
    };
    begin_item(field, name);
    write_left(field, left, wait);
    partition(field, limit.partition);
}

fn write_left(field: &mut String, left: u64, wait: Option<u64>) {
    parameter(field, 'r', left);
    // There is no wait if the window is untouched, or if no wait helps.
    if let Some(wait) = wait.filter(|wait| *wait > 0) {
        parameter(field, 't', wait);
    }
}

fn begin_item(field: &mut String, name: &Name<'_>) {
    separate(field);
    name.write(field);
}

fn separate(field: &mut String) {
    if !field.is_empty() {
        field.push_str(", ");
    }
}

/// Returns a number as an Integer, which has at most 15 digits (RFC 9651, section 3.3.1). Only the burst of a token bucket
/// can have more.
fn integer(number: u64) -> u64 {
    number.min(Quota::MAX_AMOUNT)
}

fn parameter(field: &mut String, key: char, number: u64) {
    field.push(';');
    field.push(key);
    field.push('=');
    field.push_str(itoa::Buffer::new().format(integer(number)));
}

/// Writes a Byte Sequence (RFC 9651, section 3.3.5).
fn partition(field: &mut String, partition: Option<PartitionKey>) {
    if let Some(partition) = partition {
        field.push_str(";pk=:");
        partition.write_base64(field);
        field.push(':');
    }
}

/// A name in printable ASCII.
struct Name<'a>(Cow<'a, str>);

impl Name<'_> {
    /// Writes a String (RFC 9651, section 3.3.3).
    fn write(&self, field: &mut String) {
        field.push('"');
        let mut rest = &*self.0;
        while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\')) {
            field.push_str(&rest[..at]);
            field.push('\\');
            field.push(char::from(rest.as_bytes()[at]));
            rest = &rest[at + 1..];
        }
        field.push_str(rest);
        field.push('"');
    }
}
