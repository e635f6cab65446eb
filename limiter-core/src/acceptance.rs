//! The tests that every storage must pass, for authors of a storage.
//!
//! ```
//! # #[derive(Debug)]
//! # struct MyStorage;
//! # impl MyStorage { fn new() -> limiter_core::storage::MemoryStorage { limiter_core::storage::MemoryStorage::new() } }
//! use std::time::Duration;
//! use limiter_core::acceptance::{self, Time};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let resolution = Duration::from_nanos(1);
//! acceptance::run(&MyStorage::new(), Time::Callers { resolution }).await;
//! # });
//! ```

use crate::storage::Storage;

mod batches;
mod clear;
mod concurrency;
mod edges;
mod fixture;
mod identity;
mod keep_used;
mod leases;
mod metered;
mod notes;
mod random;
mod refund;
mod rng;
mod time;

use self::fixture::Fixture;
pub use self::time::Time;

/// Runs all tests.
///
/// Each test uses scopes of its own, so several runs may share a storage and existing counts stay. Only the tests
/// of [`Storage::reset`], which run last, remove all counts. Strategies that the storage's
/// [`check`](Storage::check) refuses are skipped.
///
/// # Panics
///
/// If the storage behaves differently than expected; the message describes the difference.
pub async fn run(storage: &dyn Storage, time: Time) {
    run_shared(storage, time).await;
    let fixture = Fixture::new(storage, time);
    clear::resets(&fixture).await;
    notes::outlive_a_reset(&fixture).await;
}

/// Runs all tests except those of [`Storage::reset`].
///
/// # Panics
///
/// As [`run`].
pub async fn run_shared(storage: &dyn Storage, time: Time) {
    let fixture = Fixture::new(storage, time);
    batches::run(&fixture).await;
    identity::run(&fixture).await;
    refund::run(&fixture).await;
    keep_used::run(&fixture).await;
    leases::run(&fixture).await;
    metered::run(&fixture).await;
    clear::clears(&fixture).await;
    notes::run(&fixture).await;
    clear::clears_a_client(&fixture).await;
    concurrency::run(&fixture).await;
    edges::run(&fixture).await;
    random::run(&fixture).await;
}
