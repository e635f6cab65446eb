//! Replies of a server: a storage makes a decision or an error of each, and never panics.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| limiter_core::storage::memcached_replies(bytes));
