//! Keys in logs.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::LazyLock,
};

use super::{Key, Repr};

/// How logs show the addresses of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LoggedAddresses {
    /// As they are; IPv6 addresses as the network that is counted.
    #[default]
    Full,
    /// As a hash, by which the lines of one client are found but not the client. It is made under a secret that
    /// is drawn when the process starts: without it all four billion IPv4 addresses would be tried in seconds.
    Hashed,
    /// Not at all.
    Hidden,
}

/// A key as logs show it.
pub(super) struct Logged<'a> {
    pub(super) key: &'a Key,
    pub(super) addresses: LoggedAddresses,
}

impl fmt::Display for Logged<'_> {
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

/// With keys of this process: what is logged must not tell anything of the digests of counts.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl Logged<'_> {
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
