//! Storages on other machines, on real servers that the tests start on free ports of 127.0.0.1, and the wrappers
//! between a limiter and such a storage.
//!
//! The tests that all backends share are in `suite`.

use limiter_core::Timestamp;

mod batches;
mod client;
mod log;
mod on_servers;
mod processes;
mod server;
mod suite;
mod tally;
mod wrappers;

/// When most of these tests take place, by the clock of the caller.
const NOON: Timestamp = Timestamp::from_millis(1_750_000_000_000);
