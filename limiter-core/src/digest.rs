//! Hashes of identities that stay within this process.

use std::{
    hash::{BuildHasher, RandomState},
    sync::OnceLock,
};

/// A polynomial hash modulo the prime 2^127 - 1, evaluated at a secret point.
///
/// The coefficients are the blocks of the input. The point is drawn once per process, or [adopted](adopt) from an
/// earlier one. See Wegman and Carter, "New hash functions and their use in authentication and set equality", 1981.
///
/// Two different inputs of at most n blocks collide with a probability of n / 2^125. This is true even for inputs that
/// an attacker chooses, as long as the attacker sees no digest. So equal digests count as equal inputs, and a digest
/// must never leave the process, except into a file that only its user may read. Each part is framed, so that
/// ("a", "bc") and ("ab", "c") differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(u128);

const PRIME: u128 = (1 << 127) - 1;

/// The number of input bytes in a block.
///
/// Above them is one byte with their number and whether the block is the last of its part. So no block is zero,
/// and a sequence of blocks has only one sequence of parts.
const BLOCK: usize = 15;
const LAST: u8 = 16;

/// The secret point. It is below 2^126, so that no sum in `times` overflows.
static POINT: OnceLock<u128> = OnceLock::new();

const MAX_POINT: u128 = (1 << 126) - 1;

/// Returns the secret point. It is drawn when it is first needed.
#[inline]
pub(crate) fn point() -> u128 {
    *OnceLock::get_or_init(&POINT, draw)
}

#[cold]
fn draw() -> u128 {
    let random = RandomState::new();
    let [low, high] = [1, 2].map(|half| u128::from(random.hash_one(half)));
    (high << 64 | low) & MAX_POINT
}

/// Makes this the secret point, so that digests of the process that drew it have a meaning here. Returns whether it is;
/// it is not if another one has been in use before.
pub(crate) fn adopt(point: u128) -> bool {
    point <= MAX_POINT && *OnceLock::get_or_init(&POINT, || point) == point
}

impl Digest {
    pub(crate) fn new() -> Self {
        Self(0)
    }

    /// Adds a number. The tag separates kinds of input.
    #[inline]
    pub(crate) fn word(&mut self, tag: u8, value: u64) {
        self.block(u128::from(value) << 8 | u128::from(tag), 9 | LAST);
    }

    /// Adds a text of any length.
    pub(crate) fn text(&mut self, text: &str) {
        let mut bytes = text.as_bytes();
        while let Some((block, rest)) = bytes.split_at_checked(BLOCK)
            && !rest.is_empty()
        {
            self.bytes(block, 0);
            bytes = rest;
        }
        self.bytes(bytes, LAST);
    }

    fn bytes(&mut self, bytes: &[u8], last: u8) {
        let mut block = [0; 16];
        block[..bytes.len()].copy_from_slice(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "a block has at most 15 bytes")]
        let length = bytes.len() as u8;
        self.block(u128::from_le_bytes(block), length | last);
    }

    #[inline]
    fn block(&mut self, bytes: u128, top: u8) {
        let block = bytes | u128::from(top) << (8 * BLOCK);
        self.0 = times(self.0 + block, point());
    }

    #[inline]
    pub(crate) fn finish(self) -> u128 {
        // `times` returns at most the prime plus one.
        if self.0 >= PRIME { self.0 - PRIME } else { self.0 }
    }
}

/// Returns the product modulo 2^127 - 1, not fully reduced: at most 2^127.
///
/// The first factor must be below 2^127 + 2^125 + 1, the second below 2^126.
#[inline]
fn times(a: u128, b: u128) -> u128 {
    let ([a0, a1], [b0, b1]) = (halves(a).map(u128::from), halves(b).map(u128::from));
    // Below 2^126 + 2^127 + 2^125.
    let middle = a0 * b1 + a1 * b0;
    let (low, carry) = (a0 * b0).overflowing_add(middle << 64);
    // Below 2^126.
    let high = a1 * b1 + (middle >> 64) + u128::from(carry);
    // 2^127 counts as 1, and so 2^128 as 2.
    let sum = (high << 1) + (low >> 127) + (low & PRIME);
    (sum >> 127) + (sum & PRIME)
}

/// Returns the low and the high half of a digest.
#[expect(clippy::cast_possible_truncation, reason = "each half is wanted by itself")]
#[inline]
pub(crate) fn halves(digest: u128) -> [u64; 2] {
    [digest as u64, (digest >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Multiplies by doubling and adding.
    fn naive(a: u128, b: u128) -> u128 {
        let (a, mut sum) = (a % PRIME, 0);
        for bit in (0..128).rev() {
            sum = (sum * 2) % PRIME;
            if b >> bit & 1 == 1 {
                sum = (sum + a) % PRIME;
            }
        }
        sum
    }

    const LARGEST: [u128; 2] = [(1 << 127) + (1 << 125), (1 << 126) - 1];

    #[test]
    fn the_largest_factors_fit() {
        let [a, b] = LARGEST;
        for a in [a, a - 1, PRIME, PRIME + 1, PRIME - 1, 1 << 64, u128::from(u64::MAX), 1, 0] {
            assert_eq!(times(a, b) % PRIME, naive(a, b));
            assert!(times(a, b) <= PRIME + 1);
        }
    }

    proptest! {
        #[test]
        fn products_are_right(a in 0..=LARGEST[0], b in 0..=LARGEST[1]) {
            prop_assert_eq!(times(a, b) % PRIME, naive(a, b));
            prop_assert!(times(a, b) <= PRIME + 1);
        }

        #[test]
        fn different_parts_differ(
            one in proptest::collection::vec("[ab]{0,40}", 0..4),
            other in proptest::collection::vec("[ab]{0,40}", 0..4),
        ) {
            prop_assert_eq!(one == other, digest(&one) == digest(&other));
        }
    }

    /// Regression: parts were joined without a frame.
    #[test]
    fn parts_are_framed() {
        let fifteen = "a".repeat(15);
        let cases: [&[&str]; 9] = [
            &["a", "bc"],
            &["ab", "c"],
            &["abc"],
            &["abc", ""],
            &["", "abc"],
            &[&fifteen, ""],
            &[&fifteen],
            &[&fifteen, "a"],
            &["aaaaaaaaaaaaaaaa"],
        ];
        for (index, one) in cases.iter().enumerate() {
            for other in &cases[..index] {
                assert_ne!(digest(one), digest(other), "{one:?} {other:?}");
            }
        }
    }

    fn digest<T: AsRef<str>>(parts: &[T]) -> u128 {
        let mut digest = Digest::new();
        for part in parts {
            digest.text(part.as_ref());
        }
        digest.finish()
    }
}
