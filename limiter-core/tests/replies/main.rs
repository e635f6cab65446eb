//! Arbitrary replies of servers: a storage makes a decision or an error of each, and never panics.
//!
//! The package `fuzz` has the same checks as fuzz targets, for longer runs.

use limiter_core::storage::{memcached_replies, mongodb_replies, redis_replies};
use proptest::{collection::vec, prelude::*, sample::select};

/// So many that each test takes a few seconds.
const CASES: u32 = 20_000;

const WORDS: &[&str] = &[
    "VA",
    "HD",
    "EN",
    "NF",
    "EX",
    "NS",
    "MN",
    "SERVER_ERROR",
    " ",
    " c5",
    " c18446744073709551616",
    " t60",
    " 0",
    " 3",
    " 512",
    " 513",
    " -1",
    "\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "1 2",
    "\u{0}",
    "\u{fc}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn of_redis(bytes in vec(any::<u8>(), 0..400)) {
        redis_replies(&bytes);
    }

    #[test]
    fn of_memcached(bytes in vec(any::<u8>(), 0..400)) {
        memcached_replies(&bytes);
    }

    /// Words of the protocol reach further into the parser than any bytes.
    #[test]
    fn of_memcached_as_text(words in vec(select(WORDS), 0..20)) {
        memcached_replies(words.concat().as_bytes());
    }

    #[test]
    fn of_mongodb(bytes in vec(any::<u8>(), 0..600)) {
        mongodb_replies(&bytes);
    }
}
