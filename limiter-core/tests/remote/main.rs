//! Storages on other machines, on real servers that the tests start on free ports of 127.0.0.1, and the wrappers
//! between a limiter and such a storage.
//!
//! A backend is a module: `cargo test -p limiter-core --all-features --test remote redis::` runs one alone. The
//! tests that all backends share are in `suite`.

use limiter_core::Timestamp;

mod batches;
mod client;
mod log;
mod processes;
mod server;
mod suite;
mod tally;

mod memcached;
mod mongodb;
mod redis;
mod redis_tls;
mod wrappers;

/// When most of these tests take place, by the clock of the caller.
const NOON: Timestamp = Timestamp::from_millis(1_750_000_000_000);
