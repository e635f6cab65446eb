//! The fields of draft-ietf-httpapi-ratelimit-headers, revision 11; nothing else here knows their syntax.
//!
//! Both are Lists of Items of Structured Fields (RFC 9651), each item a String: the name of a limit.

use std::borrow::Cow;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use super::format::seconds;
use crate::{
    CurrentLimit, Quota,
    report::{current::LimitOutcome, partition_key::PartitionKey, policy_name::with_unique_names},
};

pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Sets both fields, if there is a limit to tell of. `retry_after` is what the answer tells its client to wait.
pub(crate) fn set(headers: &mut HeaderMap, limits: &[CurrentLimit], retry_after: Option<u64>) {
    let named = with_unique_names(limits);
    // As long as most items are, or a little longer.
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
        // Never an error: what is written here is printable ASCII.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(field, value);
        }
    }
}

/// `"burst";q=100;w=60`: what is allowed.
fn write_policy(field: &mut String, name: &Name<'_>, limit: &CurrentLimit) {
    begin_item(field, name);
    parameter(field, 'q', limit.quota().amount());
    parameter(field, 'w', limit.quota().window_seconds());
    partition(field, limit.partition);
}

/// `"burst";r=50;t=30`: how much of it is left, and for how long. The draft has `t` as a wait, never as an
/// instant, and not beyond `Retry-After`.
fn write_state(field: &mut String, name: &Name<'_>, limit: &CurrentLimit, retry_after: Option<u64>) {
    let window = limit.window();
    let refused_for = window.retry_after().map(|wait| seconds(wait).max(1));
    let (left, wait) = match limit.outcome {
        LimitOutcome::Passed => (window.remaining(), Some(seconds(window.reset()))),
        LimitOutcome::Refused => (0, refused_for),
        // The header is at least as long, and longer where an answer came with its own.
        LimitOutcome::RefusedLongest => (0, refused_for.max(retry_after)),
    };
    begin_item(field, name);
    parameter(field, 'r', left);
    // Nothing to wait for: the window is untouched, or no wait helps.
    if let Some(wait) = wait.filter(|wait| *wait > 0) {
        parameter(field, 't', wait);
    }
    partition(field, limit.partition);
}

fn begin_item(field: &mut String, name: &Name<'_>) {
    if !field.is_empty() {
        field.push_str(", ");
    }
    name.write(field);
}

/// An Integer has 15 digits at most (RFC 9651, section 3.3.1); only the burst of a token bucket can have more.
fn parameter(field: &mut String, key: char, number: u64) {
    field.push(';');
    field.push(key);
    field.push('=');
    field.push_str(itoa::Buffer::new().format(number.min(Quota::MAX_AMOUNT)));
}

/// A Byte Sequence (RFC 9651, section 3.3.5).
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
    /// A String (RFC 9651, section 3.3.3).
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
