//! Reads a key from a text such as `header X-Api-Key and client_address or_else client_address`.

use std::sync::Arc;

use super::values::{expected, header, ipv6_prefix};
use crate::{
    key,
    limit::callback::{Callback, KeyFn},
};

const TERMS: &str = "`client_address`, `peer_address`, `bearer_token`, `header NAME`, `query NAME`, `cookie NAME` or \
                     `client_network BITS`, joined by `and` and `or_else`";

/// Reads keys joined by `and` and `or_else`. The first joins closer.
pub(super) fn key(text: &str) -> Result<KeyFn, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let alternatives = words.split(|word| *word == "or_else").map(combined).collect::<Result<Vec<_>, _>>()?;
    alternatives.into_iter().reduce(or_else).ok_or_else(|| expected(TERMS, text))
}

fn combined(words: &[&str]) -> Result<KeyFn, String> {
    let terms = words.split(|word| *word == "and").map(term).collect::<Result<Vec<_>, _>>()?;
    terms.into_iter().reduce(both).ok_or_else(|| expected(TERMS, ""))
}

fn term(words: &[&str]) -> Result<KeyFn, String> {
    Ok(match *words {
        ["client_address"] => Callback(Arc::new(key::client_address)),
        ["peer_address"] => Callback(Arc::new(key::peer_address)),
        ["bearer_token"] => Callback(Arc::new(key::bearer_token)),
        ["header", name] => Callback(Arc::new(key::header(header(name)?.as_str()))),
        ["query", name] => Callback(Arc::new(key::query(name))),
        ["cookie", name] => cookie(name)?,
        ["client_network", bits] => Callback(Arc::new(key::client_network(ipv6_prefix(bits)?))),
        _ => return Err(expected(TERMS, &words.join(" "))),
    })
}

#[cfg(feature = "cookies")]
#[expect(clippy::unnecessary_wraps, reason = "it fails without the feature")]
fn cookie(name: &str) -> Result<KeyFn, String> {
    Ok(Callback(Arc::new(key::cookie(name))))
}

#[cfg(not(feature = "cookies"))]
fn cookie(_: &str) -> Result<KeyFn, String> {
    Err("`cookie` requires the feature `cookies` of limiter-actix".to_owned())
}

fn both(one: KeyFn, other: KeyFn) -> KeyFn {
    Callback(Arc::new(move |req| one(req).and(other(req))))
}

fn or_else(one: KeyFn, other: KeyFn) -> KeyFn {
    Callback(Arc::new(move |req| one(req).or_else(|| other(req))))
}
