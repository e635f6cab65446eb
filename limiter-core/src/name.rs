//! Parts of names that are the same in every process and build: escaping, hashing, bounding.

#[cfg(feature = "remote")]
use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Appends `text` to a name. Bytes other than letters, digits and a few marks of routes become `%XX`.
#[cfg(feature = "remote")]
pub(crate) fn escape(text: &str, name: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-/{}*".contains(&byte) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
}

/// Returns the text that [`escape`] has escaped. Of a shortened name, an escape may be cut.
#[cfg(any(feature = "mongodb", feature = "redis"))]
pub(crate) fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.split_at_checked(2).filter(|_| *byte == b'%').and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, after) = escaped.unwrap_or((*byte, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Appends a hash of `parts` to a name: 128 bits of SHA-256. Each part is framed.
pub(crate) fn write_hash(parts: &[&str], name: &mut String) {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    // Without `write!`, whose overhead would count: this runs for each request.
    let digit = |number: u8| char::from_digit(number.into(), 16).unwrap_or_default();
    for byte in &hash.finalize()[..HASH_LEN / 2] {
        name.extend([digit(byte >> 4), digit(byte & 15)]);
    }
}

/// Returns 64 bits of SHA-256 of `text`, enough to identify it among few others.
#[cfg(feature = "redis")]
pub(crate) fn first_bytes_of_hash(text: &str) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&Sha256::digest(text)[..8]);
    bytes
}

/// The length of a hash in a name, in hexadecimal digits.
const HASH_LEN: usize = 32;

/// Returns the length of the beginning that a name keeps if it is [shortened](bounded) to `max_len`.
#[cfg(any(feature = "mongodb", feature = "redis"))]
pub(crate) const fn kept_len(max_len: usize) -> usize {
    max_len - HASH_LEN - 2
}

/// Shortens `name`, which is ASCII, to at most `max_len` bytes.
///
/// A longer name becomes its beginning, `~~` and a hash of all of it. No short name ends like that.
pub(crate) fn bounded(mut name: String, max_len: usize) -> String {
    if name.len() > max_len {
        let mut hash = String::with_capacity(HASH_LEN);
        write_hash(&[&name], &mut hash);
        name.truncate(max_len - HASH_LEN - 2);
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

    #[cfg(any(feature = "mongodb", feature = "redis"))]
    #[test]
    fn what_is_escaped_is_read_again() {
        for text in ["", "/users/{id}", "a b,c:%d", "\u{e4}\n\0"] {
            let mut name = String::new();
            escape(text, &mut name);
            assert_eq!(unescape(&name), text, "{name}");
        }
        for cut in ["a%", "a%2", "%zz", "%+1", "%C3"] {
            assert!(!unescape(cut).is_empty(), "{cut}");
        }
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
