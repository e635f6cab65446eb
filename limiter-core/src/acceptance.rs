//! The tests that every storage must pass, for those who write one.
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

use std::time::Duration;

use crate::storage::Storage;

mod batches;
mod bench;
mod concurrency;
mod dice;
mod edges;
mod forgetting;
mod identity;
mod random;
mod returning;

use self::bench::Bench;

/// By whose clock a storage decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// By the time it is given, to within `resolution`, which divides a millisecond. All tests run.
    Callers {
        /// What the storage counts time in; durations are rounded up to it.
        resolution: Duration,
    },
    /// By a clock of its own. What needs time to pass is not tested; such a storage should have a mode for
    /// tests in which it obeys the caller.
    Own,
}

/// Runs all tests.
///
/// Except for [`Storage::reset`], which comes last, they use scopes of their own: several may run at once, and
/// what is there already is not disturbed. Strategies that the storage's [`check`](Storage::check) turns down
/// are left out.
///
/// # Panics
///
/// When the storage does something else than it should; the message says what.
pub async fn run(storage: &dyn Storage, time: Time) {
    run_shared(storage, time).await;
    forgetting::resets(&Bench::new(storage, time)).await;
}

/// Runs all tests but that of [`Storage::reset`].
///
/// # Panics
///
/// As [`run`].
pub async fn run_shared(storage: &dyn Storage, time: Time) {
    let bench = Bench::new(storage, time);
    batches::run(&bench).await;
    identity::run(&bench).await;
    returning::run(&bench).await;
    forgetting::clears(&bench).await;
    concurrency::run(&bench).await;
    edges::run(&bench).await;
    random::run(&bench).await;
}
