//! The representation of keys in logs.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::LazyLock,
};

use super::{Key, Repr};

/// The form in which logs show addresses of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LoggedAddresses {
    /// The plain address; for IPv6 the network that is counted.
    #[default]
    Full,
    /// A hash, which groups the lines of one client without revealing its address.
    ///
    /// The hash is keyed by a secret drawn when the process starts. Without the secret, trying all four billion
    /// IPv4 addresses would take seconds.
    Hashed,
    /// The word `address` only.
    Hidden,
}

impl Key {
    /// Returns the key in a form that is safe to log.
    ///
    /// Addresses appear as set. Of a text only its kind appears, since its value may be a secret.
    ///
    /// ```
    /// use limiter_core::{Key, LoggedAddresses};
    ///
    /// let key = Key::text("user", "alice").and(Key::address([192, 0, 2, 1].into(), 64));
    /// assert_eq!(key.logged(LoggedAddresses::Full).to_string(), "user and 192.0.2.1");
    /// assert_eq!(key.logged(LoggedAddresses::Hidden).to_string(), "user and address");
    /// ```
    pub fn logged(&self, addresses: LoggedAddresses) -> impl fmt::Display + '_ {
        LoggedKey { key: self, addresses }
    }
}

/// Formats addresses and kinds, never the value of a text, which may be a secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.logged(LoggedAddresses::Full), f)
    }
}

/// A key with the form of its addresses in logs.
struct LoggedKey<'a> {
    key: &'a Key,
    addresses: LoggedAddresses,
}

impl fmt::Display for LoggedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key.0 {
            Repr::Missing => f.write_str("missing"),
            Repr::Failed => f.write_str("failed"),
            Repr::Unlimited => f.write_str("unlimited"),
            Repr::Address(address) => self.address(*address, f),
            Repr::Text { kind, .. } if kind.is_empty() => f.write_str("text"),
            Repr::Text { kind, .. } => f.write_str(kind),
            Repr::Both(both) => {
                write!(f, "{} and {}", both.0.logged(self.addresses), both.1.logged(self.addresses))
            }
        }
    }
}

/// The secret of hashed addresses. It is not that of digests, since logs must not reveal anything about those.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl LoggedKey<'_> {
    fn address(&self, address: IpAddr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addresses {
            LoggedAddresses::Full => fmt::Display::fmt(&address, f),
            LoggedAddresses::Hashed => {
                write!(f, "address {:016x}", SEED.hash_one(address))
            }
            LoggedAddresses::Hidden => f.write_str("address"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LoggedAddresses::{Full, Hashed, Hidden};
    use crate::Key;

    #[test]
    fn addresses_are_shown_as_set() {
        let shown = |key: &Key, addresses| key.logged(addresses).to_string();
        let [one, other] = [1, 2].map(|last| Key::address([192, 0, 2, last].into(), 64));

        assert_eq!(shown(&one, Full), "192.0.2.1");
        assert_eq!(shown(&one, Hidden), "address");
        assert_eq!(shown(&one, Hashed), shown(&one, Hashed));
        assert_ne!(shown(&one, Hashed), shown(&other, Hashed));
        assert!(!shown(&one, Hashed).contains("192"), "{}", shown(&one, Hashed));
    }

    #[test]
    fn parts_of_a_key_are_shown_as_set() {
        let both = Key::text("user", "alice").and(Key::address([192, 0, 2, 1].into(), 64));
        assert_eq!(both.logged(Full).to_string(), "user and 192.0.2.1");
        assert_eq!(both.logged(Hidden).to_string(), "user and address");
    }

    #[test]
    fn values_are_never_shown() {
        let key = Key::text("header x-api-key", "secret");
        for shown in [Full, Hashed, Hidden].map(|addresses| key.logged(addresses).to_string()) {
            assert_eq!(shown, "header x-api-key");
        }
        assert_eq!(format!("{key:?}"), "header x-api-key");
    }
}
