//! Reads a key from a text such as `header X-Api-Key and client_address or_else client_address`.

use std::sync::Arc;

use super::values::expected;
use crate::{
    limit::callback::{Callback, KeyFn},
    settings::key_source,
};

/// Reads keys joined by `and` and `or_else`. The first joins closer.
pub(super) fn key(text: &str) -> Result<KeyFn, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let alternatives = words.split(|word| *word == "or_else").map(combined).collect::<Result<Vec<_>, _>>()?;
    alternatives.into_iter().reduce(or_else).ok_or_else(|| expected("a key", text))
}

fn combined(words: &[&str]) -> Result<KeyFn, String> {
    let term = |words: &[&str]| key_source::parse(&words.join(" "));
    let terms = words.split(|word| *word == "and").map(term).collect::<Result<Vec<_>, _>>()?;
    terms.into_iter().reduce(both).ok_or_else(|| expected("a key", ""))
}

fn both(one: KeyFn, other: KeyFn) -> KeyFn {
    Callback(Arc::new(move |req| one(req).and(other(req))))
}

fn or_else(one: KeyFn, other: KeyFn) -> KeyFn {
    Callback(Arc::new(move |req| one(req).or_else(|| other(req))))
}
