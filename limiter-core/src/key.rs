//! Keys: the identities of clients.

use std::{
    borrow::Cow,
    fmt::Display,
    net::{IpAddr, Ipv6Addr},
};

use crate::digest::{Digest, halves};

mod fold;
mod logged;
mod name;

pub use self::logged::{KeyForm, KeyForms};

/// The identity by which a client is counted: an address, the value of a header, a user, or several of these.
///
/// Kinds are separate: the address 1.2.3.4 and a text `1.2.3.4` are two keys, and so are equal texts of two kinds.
/// For a [missing](Self::missing) key, a limiter falls back to its own key. Only [`unlimited`](Self::unlimited)
/// lifts a limit.
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
    /// The default number of leading bits of an IPv6 address that identify a client.
    ///
    /// A provider assigns at least this much to one customer (RFC 6177).
    pub const IPV6_PREFIX: u8 = 64;

    /// Creates a key from a network address.
    ///
    /// An IPv4-mapped IPv6 address (`::ffff:1.2.3.4`) counts as the IPv4 address. Other IPv6 addresses count by
    /// their first `ipv6_prefix` bits, at most 128.
    #[must_use]
    #[inline]
    pub fn address(address: IpAddr, ipv6_prefix: u8) -> Self {
        Self(Repr::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(masked(address, ipv6_prefix)),
            v4 @ IpAddr::V4(_) => v4,
        }))
    }

    /// Creates a key from a value of some kind, such as `("user", "alice")` or `("user", 42)`.
    ///
    /// Values with the same text are the same client. An empty text makes a missing key.
    #[must_use]
    pub fn text(kind: impl Into<Cow<'static, str>>, value: impl Display) -> Self {
        let value = value.to_string().into_boxed_str();
        if value.is_empty() {
            return Self::missing();
        }
        Self(Repr::Text { kind: kind.into(), value })
    }

    /// Creates a missing key. The limiter falls back to its own key, and then to the client's address.
    #[must_use]
    pub const fn missing() -> Self {
        Self(Repr::Missing)
    }

    /// Creates a key for a client that the application failed to identify.
    ///
    /// The request is not decided. A key function that returns `Err` has the same effect.
    #[must_use]
    pub const fn failed() -> Self {
        Self(Repr::Failed)
    }

    /// Creates a key that lifts the limit for this request.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(Repr::Unlimited)
    }

    /// Combines two keys, for example to count per user and address.
    ///
    /// The result is failed, unlimited or missing, in this order, if either key is.
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

    /// Returns this key, or `other` if this one is missing.
    #[must_use]
    pub fn or_else<K: Into<Self>>(self, other: impl FnOnce() -> K) -> Self {
        if self.is_missing() { other().into() } else { self }
    }

    /// Returns the length of its texts, in bytes. A client may have chosen it.
    #[doc(hidden)]
    pub fn text_len(&self) -> usize {
        match &self.0 {
            Repr::Text { kind, value } => kind.len() + value.len(),
            Repr::Both(both) => both.0.text_len() + both.1.text_len(),
            Repr::Missing | Repr::Failed | Repr::Unlimited | Repr::Address(_) => 0,
        }
    }

    /// Returns whether the key is missing.
    #[inline]
    pub fn is_missing(&self) -> bool {
        matches!(self.0, Repr::Missing)
    }

    /// Returns whether the application failed to identify the client.
    #[inline]
    pub fn is_failed(&self) -> bool {
        matches!(self.0, Repr::Failed)
    }

    /// Returns whether the key lifts the limit.
    #[inline]
    pub fn is_unlimited(&self) -> bool {
        matches!(self.0, Repr::Unlimited)
    }

    /// Adds the key to a digest.
    ///
    /// Most keys are IPv4 addresses. They have a branch here that inlines without a call.
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
    /// Creates a key by [`Key::address`] with the default prefix.
    fn from(address: IpAddr) -> Self {
        Self::address(address, Self::IPV6_PREFIX)
    }
}

impl From<&str> for Key {
    /// Creates a text key without a kind.
    fn from(value: &str) -> Self {
        Self::text("", value)
    }
}

impl From<String> for Key {
    /// Creates a text key without a kind.
    fn from(value: String) -> Self {
        Self::text("", value)
    }
}

impl<K: Into<Self>> From<Option<K>> for Key {
    /// Converts `None` to a missing key.
    fn from(key: Option<K>) -> Self {
        key.map_or(Self::missing(), Into::into)
    }
}

impl<K: Into<Self>, E> From<Result<K, E>> for Key {
    /// Converts an error to a [failed](Self::failed) key.
    fn from(key: Result<K, E>) -> Self {
        key.map_or(Self::failed(), Into::into)
    }
}
