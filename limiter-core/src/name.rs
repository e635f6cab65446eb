//! Names of counts that are the same in every process and build.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::{Key, Scope, storage::Hit};

/// The name under which a storage on another machine keeps the count of a hit.
///
/// Two hits have one name exactly when they share a count, in every process and build. Names are printable
/// ASCII without white space and of bounded length. Addresses and scopes can be read in them, for the
/// operator; texts of clients, which may be secrets, are in them as hashes only.
///
/// ```
/// use limiter_core::{CountName, Key, Policy, Quota, Scope, Strategy, storage::Hit};
///
/// let (scope, policy) = (Scope::new(["search"]), Policy::new(Quota::per_minute(5), Strategy::FixedWindow));
/// let key = Key::address([192, 0, 2, 7].into(), 64);
/// let name = CountName::of(&Hit::new(&scope, &key, &policy));
/// assert_eq!(name.client(), "192.0.2.7");
/// assert_eq!(name.count(), ",search:fw:5:60:5:");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountName {
    client: String,
    count: String,
}

impl CountName {
    /// The longest [`client`](Self::client) in bytes.
    pub const MAX_CLIENT_LEN: usize = 96;

    /// The longest [`count`](Self::count) in bytes.
    pub const MAX_COUNT_LEN: usize = 128;

    /// The name of the count of `hit`.
    #[must_use]
    pub fn of(hit: &Hit<'_>) -> Self {
        let mut count = String::with_capacity(64);
        write_scope(hit.scope, &mut count);
        hit.policy.write_name(&mut count);
        Self { client: of_client(hit.key), count: bounded(count, Self::MAX_COUNT_LEN) }
    }

    /// Who is counted. What has the same client may be kept together; it holds none of `{`, `}` and `,`.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// What is counted, and how.
    pub fn count(&self) -> &str {
        &self.count
    }
}

/// The name of a client: [`CountName::client`] of its counts.
fn of_client(key: &Key) -> String {
    let mut client = String::with_capacity(40);
    key.write_name(&mut client);
    bounded(client, CountName::MAX_CLIENT_LEN)
}

/// The names of a client, and of a scope, whose counts are kept together. That of a scope holds no `:`.
#[cfg(feature = "redis")]
pub(crate) fn of_client_and_scope(hit: &Hit<'_>) -> (String, String) {
    let mut scope = String::with_capacity(40);
    write_scope(hit.scope, &mut scope);
    (of_client(hit.key), bounded(scope, CountName::MAX_COUNT_LEN))
}

fn write_scope(scope: &Scope, name: &mut String) {
    for part in scope.parts() {
        name.push(',');
        escape(part, name);
    }
}

/// Appends `text` with everything but letters, digits and a few marks that routes need as `%XX`.
pub(crate) fn escape(text: &str, name: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-/{}*".contains(&byte) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
}

/// Appends a hash of `parts` that stands for them: 128 bits of SHA-256. Each part is framed.
pub(crate) fn write_hash(parts: &[&str], name: &mut String) {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    // Without `write!`, which is slow for so little: this is done for each request.
    let digit = |number: u8| char::from_digit(number.into(), 16).unwrap_or_default();
    for byte in &hash.finalize()[..HASH_LEN / 2] {
        name.extend([digit(byte >> 4), digit(byte & 15)]);
    }
}

/// A hash that stands for `text` among few others: 64 bits of SHA-256.
#[cfg(feature = "redis")]
pub(crate) fn first_bytes_of_hash(text: &str) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&Sha256::digest(text)[..8]);
    bytes
}

/// In hexadecimal digits.
const HASH_LEN: usize = 32;

/// A name of at most `most` bytes that stands for `name`, which is ASCII: that itself, or its beginning and a
/// hash of all of it. No name that is short enough ends like the others, in `~~` and a hash.
pub(crate) fn bounded(mut name: String, most: usize) -> String {
    if name.len() > most {
        let mut hash = String::with_capacity(HASH_LEN);
        write_hash(&[&name], &mut hash);
        name.truncate(most - HASH_LEN - 2);
        name.push_str("~~");
        name.push_str(&hash);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_beginning() {
        let short = bounded("a".repeat(50), 50);
        assert_eq!(short, "a".repeat(50));
        let [long, other] = ["b", "c"].map(|end| bounded("a".repeat(50) + end, 50));
        assert_eq!([long.len(), other.len()], [50, 50]);
        assert!(long.starts_with("aaaaaaaaaaaaaaaa~~"));
        assert_ne!(long, other);
    }

    #[test]
    fn a_hash_is_framed() {
        let hash = |parts: &[&str]| {
            let mut name = String::new();
            write_hash(parts, &mut name);
            name
        };
        assert_ne!(hash(&["a", "bc"]), hash(&["ab", "c"]));
        assert_eq!(hash(&[]), "e3b0c44298fc1c149afbf4c8996fb924", "the beginning of SHA-256 of nothing");
    }
}
