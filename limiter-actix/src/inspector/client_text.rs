//! Clients as operators write them.

use std::net::IpAddr;

use limiter_core::Key;

use super::respond::ApiError;
use crate::{BanTarget, Limiter};

/// Longer texts name no client.
const MAX_LEN: usize = 1024;

/// Returns the key that a text names: a client as the lists show it, an address, `kind:value`, or a text without a kind.
pub(super) fn key(limiter: &Limiter, text: &str) -> Result<Key, ApiError> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_LEN {
        let expected = "expected a client: an address, or a key such as `user:alice`";
        return Err(ApiError::invalid(expected));
    }
    if let Some(listed) = of_top(limiter, text) {
        return Ok(listed);
    }
    let config = limiter.config();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Key::address(address, config.settings.address.ipv6_prefix));
    }
    Ok(match text.split_once(':') {
        Some((_, "")) => {
            return Err(ApiError::invalid("expected a value after the kind, such as `user:alice`"));
        }
        Some((kind, value)) => Key::text(kind.to_owned(), value),
        None => Key::from(text),
    })
}

/// Returns the client of the lists that is shown so. The value of its key may be a secret that nobody here knows.
fn of_top(limiter: &Limiter, text: &str) -> Option<Key> {
    let top = limiter.top()?;
    let config = limiter.config();
    let is_it = |key: &Key| key.logged(&config.settings.key_forms).to_string() == text;
    top.busiest.into_iter().chain(top.refused).map(|client| client.key).find(is_it)
}

/// Returns the target that a text names: a network, or a client.
pub(super) fn target(limiter: &Limiter, text: &str) -> Result<BanTarget, ApiError> {
    let text = text.trim();
    if text.contains('/')
        && let Ok(network) = text.parse()
    {
        return Ok(network);
    }
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(address.into()),
        Err(_) => key(limiter, text).map(BanTarget::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_clients() {
        let limiter = Limiter::default();
        let named = |text: &str| key(&limiter, text).map_err(|problem| problem.status.as_u16());
        for (text, expected) in [
            ("192.0.2.1", Key::from(IpAddr::from([192, 0, 2, 1]))),
            (" ::ffff:192.0.2.1 ", Key::from(IpAddr::from([192, 0, 2, 1]))),
            ("2001:db8::7", Key::address("2001:db8::".parse().expect("one"), 64)),
            ("user:alice", Key::text("user", "alice")),
            ("header x-api-key:a:b", Key::text("header x-api-key", "a:b")),
            ("alice", Key::from("alice")),
            (":alice", Key::from("alice")),
        ] {
            assert_eq!(named(text), Ok(expected), "{text}");
        }
        for invalid in ["", "  ", "user:", &"x".repeat(2000)] {
            assert_eq!(named(invalid), Err(400), "{invalid}");
        }
        assert!(target(&limiter, "192.0.2.0/24").is_ok());
        assert!(target(&limiter, "user:a/b").is_ok());
    }
}
