//! Hashes of identities that stay within this process.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::LazyLock,
};

use siphasher::sip128::{Hasher128, SipHasher13};

/// A 128-bit SipHash-1-3 (Aumasson and Bernstein, 2012) under a seed that is drawn once per process.
///
/// Without the seed nobody can make two keys that meet, and by chance 128 bits do not: the digest stands for
/// what went in. Each part is framed, so that ("a", "bc") is not ("ab", "c").
#[derive(Clone)]
pub(crate) struct Digest(SipHasher13);

static SEED: LazyLock<[u64; 2]> = LazyLock::new(|| {
    let random = RandomState::new();
    [random.hash_one(1), random.hash_one(2)]
});

impl Digest {
    pub(crate) fn new() -> Self {
        let [k0, k1] = *SEED;
        Self(SipHasher13::new_with_keys(k0, k1))
    }

    /// Adds a number.
    pub(crate) fn number(&mut self, number: u64) {
        self.fixed(&number.to_le_bytes());
    }

    /// Adds bytes whose length is the same whenever what came before is the same.
    #[inline]
    pub(crate) fn fixed(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// Adds a text of any length.
    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.write(text.as_bytes());
    }

    #[inline]
    pub(crate) fn finish(&self) -> u128 {
        self.0.finish128().as_u128()
    }
}

/// The low and the high half of a digest.
#[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
pub(crate) fn halves(digest: u128) -> [u64; 2] {
    [digest as u64, (digest >> 64) as u64]
}
