//! The keys of clients as headers show them: hashed under a secret.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use limiter_core::Key;
use siphasher::sip::SipHasher24;

/// The secret of the hash. Without it, anyone could find a key by hashing all candidates: there are few addresses.
#[derive(Clone, Copy)]
pub(crate) struct PartitionSecret(SipHasher24);

/// The keyed hash of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartitionKey(u64);

impl PartitionSecret {
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(secret))
    }

    pub(crate) fn partition(&self, key: &Key) -> PartitionKey {
        let mut hasher = self.0;
        key.hash(&mut hasher);
        PartitionKey(hasher.finish())
    }
}

impl fmt::Debug for PartitionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PartitionSecret")
    }
}

impl PartitionKey {
    /// Appends the hash in base64, with the alphabet and the padding of RFC 4648, section 4.
    pub(crate) fn write_base64(self, text: &mut String) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        // Eleven groups of six bits hold two bits more than the hash has.
        let bits = u128::from(self.0) << 2;
        let sextets = (0..11).rev().map(|place| (bits >> (6 * place) & 63) as usize);
        text.extend(sextets.map(|sextet| char::from(ALPHABET[sextet])));
        text.push('=');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let base64 = |number| {
            let mut text = String::new();
            PartitionKey(number).write_base64(&mut text);
            text
        };
        assert_eq!(base64(u64::from_be_bytes(*b"foobarfo")), "Zm9vYmFyZm8=");
        assert_eq!(base64(0), "AAAAAAAAAAA=");
        assert_eq!(base64(u64::MAX), "//////////8=");
    }

    #[test]
    fn a_key_is_shown_only_under_the_secret() {
        let key = Key::text("user", "alice");
        let shown = |secret: &[u8; 16]| PartitionSecret::new(secret).partition(&key).0;
        assert_eq!(shown(b"0123456789abcdef"), shown(b"0123456789abcdef"));
        assert_ne!(shown(b"0123456789abcdef"), shown(b"0123456789abcdeg"));
    }
}
