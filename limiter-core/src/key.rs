//! Who is counted.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use crate::digest::{Digest, halves};

mod logged;

use self::logged::Logged;
pub use self::logged::LoggedAddresses;

#[cfg(feature = "remote")]
mod name;

/// Who is counted: an address, the value of a header, a user, or several of these together.
///
/// Kinds are kept apart: the address 1.2.3.4 and a text `1.2.3.4` are two keys, and so are equal texts of two
/// kinds. A key that is [missing](Self::missing) makes a limiter fall back to its own key; only
/// [`unlimited`](Self::unlimited) lifts a limit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Missing,
    Failed,
    Unlimited,
    Address(IpAddr),
    Text { kind: Cow<'static, str>, value: Box<str> },
    Both(Box<(Key, Key)>),
}

impl Key {
    /// How many leading bits of an IPv6 address make a client unless told otherwise: what a provider gives to
    /// one customer at least (RFC 6177).
    pub const IPV6_PREFIX: u8 = 64;

    /// A client by its network address.
    ///
    /// An IPv4 address in IPv6 clothes (`::ffff:1.2.3.4`) counts as the IPv4 address; other IPv6 addresses
    /// count by their first `ipv6_prefix` bits, 128 at most.
    #[must_use]
    pub fn address(address: IpAddr, ipv6_prefix: u8) -> Self {
        Self(Repr::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(masked(address, ipv6_prefix)),
            v4 @ IpAddr::V4(_) => v4,
        }))
    }

    /// A client by a text of some kind, such as `("user", "alice")`. An empty value is a missing key.
    #[must_use]
    pub fn text(kind: impl Into<Cow<'static, str>>, value: impl Into<Box<str>>) -> Self {
        let value = value.into();
        if value.is_empty() {
            return Self::missing();
        }
        Self(Repr::Text { kind: kind.into(), value })
    }

    /// No key: the limiter falls back to its own, and that to the client's address.
    #[must_use]
    pub const fn missing() -> Self {
        Self(Repr::Missing)
    }

    /// Who is counted cannot be told, which is the application's error: the request is not decided. What a
    /// function that returns an `Err` comes to.
    #[must_use]
    pub const fn failed() -> Self {
        Self(Repr::Failed)
    }

    /// Lifts the limit for this request, on purpose.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(Repr::Unlimited)
    }

    /// Both together: per user and address, say. Missing when either is missing, unlimited when either is
    /// unlimited.
    #[must_use]
    pub fn and(self, other: impl Into<Self>) -> Self {
        let other = other.into();
        match (&self.0, &other.0) {
            (Repr::Failed, _) | (_, Repr::Failed) => Self::failed(),
            (Repr::Unlimited, _) | (_, Repr::Unlimited) => Self::unlimited(),
            (Repr::Missing, _) | (_, Repr::Missing) => Self::missing(),
            _ => Self(Repr::Both(Box::new((self, other)))),
        }
    }

    /// This key, or `other` when this one is missing.
    #[must_use]
    pub fn or_else<K: Into<Self>>(self, other: impl FnOnce() -> K) -> Self {
        if self.is_missing() { other().into() } else { self }
    }

    /// The key as a log may show it: the address as set, of a text only its kind, for its value may be a
    /// secret.
    ///
    /// ```
    /// use limiter_core::{Key, LoggedAddresses};
    ///
    /// let key = Key::text("user", "alice").and(Key::address([192, 0, 2, 1].into(), 64));
    /// assert_eq!(key.logged(LoggedAddresses::Full).to_string(), "user and 192.0.2.1");
    /// assert_eq!(key.logged(LoggedAddresses::Hidden).to_string(), "user and address");
    /// ```
    pub fn logged(&self, addresses: LoggedAddresses) -> impl fmt::Display + '_ {
        Logged { key: self, addresses }
    }

    /// Whether the key is missing.
    pub fn is_missing(&self) -> bool {
        matches!(self.0, Repr::Missing)
    }

    /// Whether who is counted could not be told.
    pub fn is_failed(&self) -> bool {
        matches!(self.0, Repr::Failed)
    }

    /// Whether the key lifts the limit.
    pub fn is_unlimited(&self) -> bool {
        matches!(self.0, Repr::Unlimited)
    }

    /// By itself for what most clients are, so that it takes no call.
    #[inline]
    pub(crate) fn feed(&self, digest: &mut Digest) {
        match &self.0 {
            Repr::Address(IpAddr::V4(address)) => digest.word(2, address.to_bits().into()),
            _ => self.feed_other(digest),
        }
    }

    fn feed_other(&self, digest: &mut Digest) {
        match &self.0 {
            Repr::Missing => digest.word(0, 0),
            Repr::Failed => digest.word(6, 0),
            Repr::Unlimited => digest.word(1, 0),
            Repr::Address(IpAddr::V4(address)) => {
                digest.word(2, address.to_bits().into());
            }
            Repr::Address(IpAddr::V6(address)) => {
                let [low, high] = halves(address.to_bits());
                digest.word(3, low);
                digest.word(3, high);
            }
            Repr::Text { kind, value } => {
                digest.word(4, 0);
                digest.text(kind);
                digest.text(value);
            }
            Repr::Both(both) => {
                digest.word(5, 0);
                both.0.feed(digest);
                both.1.feed(digest);
            }
        }
    }
}

fn masked(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let host_bits = 128 - u32::from(prefix.min(128));
    let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

impl From<IpAddr> for Key {
    /// By [`Key::address`] with the usual prefix.
    fn from(address: IpAddr) -> Self {
        Self::address(address, Self::IPV6_PREFIX)
    }
}

impl From<&str> for Key {
    /// A text of no particular kind.
    fn from(value: &str) -> Self {
        Self::text("", value)
    }
}

impl From<String> for Key {
    /// A text of no particular kind.
    fn from(value: String) -> Self {
        Self::text("", value)
    }
}

impl<K: Into<Self>> From<Option<K>> for Key {
    /// None is a missing key.
    fn from(key: Option<K>) -> Self {
        key.map_or(Self::missing(), Into::into)
    }
}

impl<K: Into<Self>, E> From<Result<K, E>> for Key {
    /// An error is a [failed](Self::failed) key.
    fn from(key: Result<K, E>) -> Self {
        key.map_or(Self::failed(), Into::into)
    }
}

/// Shows addresses and kinds, never a text's value: it may be a secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.logged(LoggedAddresses::Full), f)
    }
}
