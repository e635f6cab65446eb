//! The ready-made keys that files and the environment can name.

use std::{fmt, sync::Arc};

use actix_web::{dev::ServiceRequest, http::header::HeaderName};
use limiter_core::Key;

use crate::{
    key::{self, address::IPV6_PREFIXES},
    limit::callback::{Callback, KeyFn},
    settings::suggest::{did_you_mean, shown},
};

/// A key without a value, such as that of the client's address.
type PlainKey = fn(&ServiceRequest) -> Key;

/// A key that needs a value, such as that of a header.
#[derive(Clone, Copy)]
pub(crate) struct KeyOfValue {
    pub(crate) name: &'static str,
    /// Set if the value is a number in a file, and not a text.
    #[cfg_attr(not(feature = "config-file"), expect(dead_code, reason = "a variable has texts only"))]
    pub(crate) is_number: bool,
    pub(crate) make: fn(&str) -> Result<KeyFn, KeySourceError>,
}

/// The keys that need no value.
pub(crate) const PLAIN: [(&str, PlainKey); 4] = [
    ("client_address", key::client_address),
    ("peer_address", key::peer_address),
    ("bearer_token", key::bearer_token),
    ("path", key::path),
];

/// The keys that need a value.
pub(crate) const WITH_VALUE: [KeyOfValue; 4] = [
    KeyOfValue { name: "header", is_number: false, make: header },
    KeyOfValue { name: "cookie", is_number: false, make: cookie },
    KeyOfValue { name: "query", is_number: false, make: query },
    KeyOfValue { name: "client_network", is_number: true, make: client_network },
];

/// An error in the value of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeySourceError {
    Expected(&'static str),
    #[cfg_attr(feature = "cookies", expect(dead_code, reason = "no feature is missing"))]
    RequiresFeature(&'static str),
}

impl KeySourceError {
    /// Returns the message about a value, as messages show it.
    pub(crate) fn about(self, found: impl fmt::Display) -> String {
        match self {
            Self::Expected(expected) => format!("expected {expected}, found {found}"),
            Self::RequiresFeature(feature) => {
                format!("requires the feature `{feature}` of limiter-actix, found {found}")
            }
        }
    }
}

/// Reads the name of a key, with its value behind it if it needs one: `header X-Api-Key`.
pub(crate) fn parse(text: &str) -> Result<KeyFn, String> {
    if let Some((_, key)) = PLAIN.iter().find(|(name, _)| *name == text) {
        return Ok(Callback(Arc::new(key)));
    }
    let (name, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let known = WITH_VALUE.iter().find(|known| known.name == name);
    let known = known.ok_or_else(|| expected(text))?;
    (known.make)(value.trim()).map_err(|error| format!("`{name}`: {}", error.about(shown(value.trim()))))
}

fn expected(text: &str) -> String {
    let plain = PLAIN.map(|(name, _)| format!("`{name}`"));
    let with_value = WITH_VALUE.map(|known| format!("`{} ..`", known.name));
    let names = plain.into_iter().chain(with_value).collect::<Vec<_>>().join(", ");
    let suggestion = did_you_mean(text, PLAIN.map(|(name, _)| name));
    format!("expected one of {names}, found {}{suggestion}", shown(text))
}

fn header(name: &str) -> Result<KeyFn, KeySourceError> {
    let name = HeaderName::try_from(name).map_err(|_| KeySourceError::Expected("a header name"))?;
    Ok(Callback(Arc::new(key::header(name.as_str()))))
}

#[cfg(feature = "cookies")]
fn cookie(name: &str) -> Result<KeyFn, KeySourceError> {
    Ok(Callback(Arc::new(key::cookie(named(name)?))))
}

#[cfg(not(feature = "cookies"))]
fn cookie(_: &str) -> Result<KeyFn, KeySourceError> {
    Err(KeySourceError::RequiresFeature("cookies"))
}

fn query(name: &str) -> Result<KeyFn, KeySourceError> {
    Ok(Callback(Arc::new(key::query(named(name)?))))
}

fn named(name: &str) -> Result<&str, KeySourceError> {
    if name.is_empty() { Err(KeySourceError::Expected("a name")) } else { Ok(name) }
}

fn client_network(bits: &str) -> Result<KeyFn, KeySourceError> {
    let bits = bits.parse().ok().filter(|bits| IPV6_PREFIXES.contains(bits));
    let bits = bits.ok_or(KeySourceError::Expected("a whole number from 32 to 128"))?;
    Ok(Callback(Arc::new(key::client_network(bits))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_page_lists_all_keys() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let page = std::fs::read_to_string(page).expect("a page");
        let (_, below) = page.split_once("\n## Keys in the file\n").expect("a heading");
        let section = below.split("\n## ").next().unwrap_or_default();
        for (name, _) in PLAIN {
            assert!(section.contains(&format!("`\"{name}\"`")), "{name}");
        }
        for KeyOfValue { name, .. } in WITH_VALUE {
            assert!(section.contains(&format!("| `{name} = ")), "{name}");
        }
    }

    #[test]
    fn the_message_names_the_range_of_networks() {
        let Err(error) = client_network("31") else { panic!("it is out of range") };
        let range = format!("from {} to {}", IPV6_PREFIXES.start(), IPV6_PREFIXES.end());
        assert!(error.about("`31`").contains(&range), "{error:?}");
    }
}
