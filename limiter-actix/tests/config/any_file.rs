//! Files of any content: errors, and never a panic.

use std::fs;

use limiter_actix::{BuildError, Limiter, check_file};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::Settings;

/// All that a file may have.
const VALID: &str = r#"
enabled = true
strategy = "moving-window"
key = { header = "X-Api-Key", and = "client_address" }
key_prefix = "shop"
default_limits = ["200 per day", { limit = "50 per hour", cost = 2, methods = ["POST"], shadow = true }]
application_limits = "1000/hour"
meta_limits = "3/day"
headers = ["x-ratelimit", "ietf-draft-11"]
header_names = { limit = "X-Limit" }
retry_after = "http-date"
ipv6_prefix = 56
function_deadline_ms = 100
log_addresses = "hashed"
log_keys = { user = "full", "header x-api-key" = "hidden" }
storage_uri = "memory://"
on_storage_failure = "deny"
trusted_proxies = { header = "Forwarded", networks = ["10.0.0.0/8"], hops = 1 }

[routes]
"POST /login" = { limits = "5/minute", exempt = ["default"] }
"/users/{id}" = "10/second"

[scopes]
"/api" = { limits = { limit = "1/minute", strategy = "token-bucket", burst = 20 } }
"#;

/// Pieces that a file may have in unexpected places.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "=",
    "[",
    "]",
    "{",
    "}",
    "[[",
    "\n",
    ",",
    ".",
    "#",
    "-1",
    "0",
    "1e400",
    "18446744073709551616",
    "nan",
    "1979-05-27",
    "true",
    "\"\\u0000\"",
    "\u{feff}",
    "\0",
    "é",
    "\r",
    "5/minute",
    "/{a}/{a}",
    "/*",
    "/",
    "redis://u:p@h:99999/0?x=y",
    "memcached://,",
    "mongodb://[",
    "::/0",
    "10.0.0.0/99",
    "default_limits",
    "a.b.c",
];

/// A valid file with some changes: parts removed, repeated or exchanged, and pieces added.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..40_usize, any::<bool>(), select(PIECES));
    vec(change, 1..8).prop_map(|changes| {
        let mut text = VALID.as_bytes().to_vec();
        for (at, length, removes, piece) in changes {
            let at = at.index(text.len());
            let end = if removes { (at + length).min(text.len()) } else { at };
            text.splice(at..end, piece.bytes());
        }
        text
    })
}

fn any_content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => mutated(),
        1 => vec(select(PIECES), 0..60).prop_map(|pieces| pieces.concat().into_bytes()),
        1 => vec(any::<u8>(), 0..200),
    ]
}

#[test]
fn the_file_that_is_changed_is_valid() {
    let settings = Settings::new(VALID);
    check_file(&settings.path).expect("a valid file");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_file_is_valid_or_has_issues(content in any_content()) {
        let settings = Settings::new("");
        fs::write(&settings.path, &content).expect("a file can be written");
        let checked = check_file(&settings.path);
        if let Err(BuildError::Config(error)) = &checked {
            prop_assert!(!error.issues().is_empty());
            let shown = [error.to_string(), format!("{error:?}")];
            prop_assert!(shown.iter().all(|text| !text.is_empty()));
        }
        // What passes the check can be built; a storage that is not there is no issue of the file.
        if checked.is_ok() {
            let built = Limiter::builder().from_file(&settings.path).build();
            prop_assert!(built.is_ok(), "{:?}", built.err());
        }
    }
}
