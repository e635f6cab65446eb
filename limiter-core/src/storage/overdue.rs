//! Calls that are dropped because their deadline has run out.
//!
//! A call can also be dropped because its client has gone away. That is no sign of a failing server, but both look the
//! same to a future. So the code that enforces a deadline drops the call in here, where connections can see it.

use std::cell::Cell;
#[cfg(feature = "redis-cluster")]
use std::{future::Future, time::Duration};

#[cfg(feature = "redis-cluster")]
use tokio::time::timeout;

thread_local! {
    static IS_DROPPING: Cell<bool> = const { Cell::new(false) };
}

/// Drops a call whose deadline has run out.
pub(super) fn drop_overdue<T>(call: T) {
    let _guard = DroppingGuard { was_dropping: IS_DROPPING.replace(true) };
    drop(call);
}

/// Returns the result of a call, or `None` if it takes longer than `limit`.
#[cfg(feature = "redis-cluster")]
pub(super) async fn within<T>(limit: Duration, call: impl Future<Output = T>) -> Option<T> {
    let mut call = Box::pin(call);
    let result = timeout(limit, &mut call).await;
    if result.is_err() {
        drop_overdue(call);
    }
    result.ok()
}

/// Returns whether this thread drops a call whose deadline has run out.
#[cfg(any(feature = "memcached", feature = "redis"))]
pub(super) fn is_dropping() -> bool {
    IS_DROPPING.get()
}

/// Restores the state of the thread, even if dropping the call panics.
struct DroppingGuard {
    was_dropping: bool,
}

impl Drop for DroppingGuard {
    fn drop(&mut self) {
        IS_DROPPING.set(self.was_dropping);
    }
}
