//! The representation of keys in logs.

use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    net::IpAddr,
    sync::LazyLock,
};

use siphasher::sip::SipHasher24;

use super::{Key, Repr};

/// The form in which logs and reports show keys of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeyForm {
    /// The kind and the value, such as `user alice`; of an address only the address.
    Full,
    /// The kind and a hash, such as `user 8a1f0f7f2bd4c3e9`. It groups the lines of one client.
    ///
    /// The hash is keyed by a secret. Without it, trying all four billion IPv4 addresses would take seconds.
    #[default]
    Hashed,
    /// The kind only.
    Hidden,
}

/// The forms in which logs and reports show keys, by their kinds.
///
/// By default, addresses appear in full and texts as hashes, because a text may be a secret. The hashes are keyed by a
/// secret drawn when the process starts.
///
/// ```
/// use limiter_core::{Key, KeyForm, KeyForms};
///
/// let key = Key::text("user", "alice").and(Key::address([192, 0, 2, 1].into(), 64));
/// let forms = KeyForms::new().kind("user", KeyForm::Full);
/// assert_eq!(key.logged(&forms).to_string(), "user alice and 192.0.2.1");
/// let forms = forms.kind("user", KeyForm::Hidden).addresses(KeyForm::Hidden);
/// assert_eq!(key.logged(&forms).to_string(), "user and address");
/// ```
#[derive(Clone)]
pub struct KeyForms {
    /// A hasher that has its secret.
    hasher: SipHasher24,
    addresses: KeyForm,
    /// The kinds of texts with forms of their own.
    kinds: Vec<(Box<str>, KeyForm)>,
}

/// The secret of this process. It is not that of digests, since logs must not reveal anything about those.
static SECRET: LazyLock<[u64; 2]> = LazyLock::new(|| [0, 1].map(|half| RandomState::new().hash_one(half)));

impl KeyForms {
    /// Creates the default forms.
    #[must_use]
    pub fn new() -> Self {
        let [low, high] = *SECRET;
        let hasher = SipHasher24::new_with_keys(low, high);
        Self { hasher, addresses: KeyForm::Full, kinds: Vec::new() }
    }

    /// Sets the form of addresses. Defaults to [`KeyForm::Full`].
    #[must_use]
    pub fn addresses(mut self, form: KeyForm) -> Self {
        self.addresses = form;
        self
    }

    /// Sets the form of texts of one kind, such as `user` or `header x-api-key`. Defaults to [`KeyForm::Hashed`].
    #[must_use]
    pub fn kind(mut self, kind: impl Into<Box<str>>, form: KeyForm) -> Self {
        let kind = kind.into();
        self.kinds.retain(|(other, _)| *other != kind);
        self.kinds.push((kind, form));
        self
    }

    /// Sets the secret of the hashes. With the same secret, all processes show the same hash for a key.
    #[must_use]
    pub fn secret(mut self, secret: &[u8; 16]) -> Self {
        self.hasher = SipHasher24::new_with_key(secret);
        self
    }

    /// Returns the form of addresses.
    pub fn of_addresses(&self) -> KeyForm {
        self.addresses
    }

    /// Returns the kinds of texts that have a form of their own.
    pub fn of_kinds(&self) -> impl Iterator<Item = (&str, KeyForm)> {
        self.kinds.iter().map(|(kind, form)| (&**kind, *form))
    }

    fn of_kind(&self, kind: &str) -> KeyForm {
        let own = self.kinds.iter().find(|(other, _)| **other == *kind);
        own.map_or(KeyForm::default(), |(_, form)| *form)
    }

    /// Returns a hash that is the same in every process and build with the same secret.
    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = self.hasher;
        for part in parts {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        hasher.finish()
    }
}

impl Default for KeyForms {
    fn default() -> Self {
        Self::new()
    }
}

/// Leaves out the secret.
impl fmt::Debug for KeyForms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyForms")
            .field("addresses", &self.addresses)
            .field("kinds", &self.kinds)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// Returns the key in the form in which logs show it. A value in full is escaped: it contains no control characters.
    pub fn logged<'a>(&'a self, forms: &'a KeyForms) -> impl fmt::Display + use<'a> {
        LoggedKey { key: self, forms }
    }
}

/// Formats addresses and kinds, never the value of a text, which may be a secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Missing => f.write_str("missing"),
            Repr::Failed => f.write_str("failed"),
            Repr::Unlimited => f.write_str("unlimited"),
            Repr::Address(address) => fmt::Display::fmt(address, f),
            Repr::Text { kind, .. } => f.write_str(shown_kind(kind)),
            Repr::Both(both) => write!(f, "{:?} and {:?}", both.0, both.1),
        }
    }
}

/// A key with the forms of its parts.
struct LoggedKey<'a> {
    key: &'a Key,
    forms: &'a KeyForms,
}

impl fmt::Display for LoggedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key.0 {
            Repr::Address(address) => self.address(*address, f),
            Repr::Text { kind, value } => self.text(kind, value, f),
            Repr::Both(both) => {
                write!(f, "{} and {}", both.0.logged(self.forms), both.1.logged(self.forms))
            }
            Repr::Missing | Repr::Failed | Repr::Unlimited => write!(f, "{:?}", self.key),
        }
    }
}

impl LoggedKey<'_> {
    fn address(&self, address: IpAddr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.forms.addresses {
            KeyForm::Full => fmt::Display::fmt(&address, f),
            KeyForm::Hashed => {
                let hash = match address {
                    IpAddr::V4(address) => self.forms.hash(&[&address.octets()]),
                    IpAddr::V6(address) => self.forms.hash(&[&address.octets()]),
                };
                write!(f, "address {hash:016x}")
            }
            KeyForm::Hidden => f.write_str("address"),
        }
    }

    fn text(&self, kind: &str, value: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(shown_kind(kind))?;
        match self.forms.of_kind(kind) {
            KeyForm::Full => write!(f, " {}", value.escape_debug()),
            KeyForm::Hashed => {
                write!(f, " {:016x}", self.forms.hash(&[kind.as_bytes(), value.as_bytes()]))
            }
            KeyForm::Hidden => Ok(()),
        }
    }
}

/// Returns the word for texts of this kind.
fn shown_kind(kind: &str) -> &str {
    if kind.is_empty() { "text" } else { kind }
}

#[cfg(test)]
mod tests {
    use super::KeyForm::{Full, Hashed, Hidden};
    use crate::{Key, KeyForms};

    const SECRET: &[u8; 16] = b"0123456789abcdef";

    fn address(last: u8) -> Key {
        Key::address([192, 0, 2, last].into(), 64)
    }

    #[test]
    fn addresses_are_shown_as_set() {
        let shown = |key: &Key, form| key.logged(&KeyForms::new().addresses(form)).to_string();
        let [one, other] = [1, 2].map(address);

        assert_eq!(shown(&one, Full), "192.0.2.1");
        assert_eq!(shown(&one, Hidden), "address");
        assert_eq!(shown(&one, Hashed), shown(&one, Hashed));
        assert_ne!(shown(&one, Hashed), shown(&other, Hashed));
        assert!(!shown(&one, Hashed).contains("192.0.2"), "{}", shown(&one, Hashed));
    }

    #[test]
    fn kinds_of_texts_are_shown_as_set() {
        let forms = KeyForms::new().kind("user", Hidden).kind("user", Full).kind("tenant", Hidden);
        let shown = |kind: &'static str| Key::text(kind, "alice").logged(&forms).to_string();
        assert_eq!(shown("user"), "user alice");
        assert_eq!(shown("tenant"), "tenant");
        assert!(shown("header x-api-key").starts_with("header x-api-key "));
        assert!(shown("").starts_with("text "));
        for kind in ["header x-api-key", "", "user2"] {
            assert!(!shown(kind).contains("alice"), "{}", shown(kind));
        }
    }

    #[test]
    fn parts_of_a_key_are_shown_as_set() {
        let both = Key::text("user", "alice").and(address(1));
        let forms = KeyForms::new().kind("user", Full);
        assert_eq!(both.logged(&forms).to_string(), "user alice and 192.0.2.1");
        let forms = forms.kind("user", Hidden).addresses(Hidden);
        assert_eq!(both.logged(&forms).to_string(), "user and address");
    }

    /// Processes of other builds and machines show the same.
    #[test]
    fn a_hash_depends_on_secret_kind_and_value_only() {
        let forms = KeyForms::new().secret(SECRET).addresses(Hashed);
        let shown = |key: &Key, forms: &KeyForms| key.logged(forms).to_string();
        let keys =
            [Key::text("user", "alice"), Key::text("user", "alicf"), Key::text("usera", "lice"), address(1)];
        let hashes = keys.each_ref().map(|key| shown(key, &forms));
        assert_eq!(hashes[0], "user ef6da04e0044e5f4");
        assert_eq!(hashes[3], "address 3f084b73c5d1e638");
        let hash_of = |shown: &String| shown.rsplit(' ').next().map(str::to_owned);
        let distinct: std::collections::HashSet<_> = hashes.iter().map(hash_of).collect();
        assert_eq!(distinct.len(), keys.len(), "{hashes:?}");
        let other = KeyForms::new().secret(b"0123456789abcdeg").addresses(Hashed);
        assert!(keys.iter().zip(&hashes).all(|(key, hash)| shown(key, &other) != *hash));
        assert!(
            keys.iter()
                .zip(&hashes)
                .all(|(key, hash)| shown(key, &KeyForms::new().addresses(Hashed)) != *hash)
        );
    }

    #[test]
    fn a_value_in_full_is_escaped() {
        let key = Key::text("user", "a\n\u{1b}[31mb");
        let shown = key.logged(&KeyForms::new().kind("user", Full)).to_string();
        assert_eq!(shown, "user a\\n\\u{1b}[31mb");
    }

    #[test]
    fn neither_debug_shows_values_or_secrets() {
        let key = Key::text("header x-api-key", "secret");
        assert_eq!(format!("{key:?}"), "header x-api-key");
        let forms = format!("{:?}", KeyForms::new().secret(b"a secret as text"));
        assert!(!forms.contains("hasher") && !forms.contains("97"), "{forms}");
    }
}
