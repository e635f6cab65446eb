//! The health of a limiter's storage.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use limiter_core::{
    Timestamp,
    log::{event, shown, unthrottled},
    storage::StorageError,
};

use super::metrics::{storage_error, storage_failed, storage_recovered};

/// The health of a limiter's storage, as its calls reveal it. Shared by all workers.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// The servers of the storage, for the log.
    servers: Option<String>,
    is_failing: AtomicBool,
    errors: AtomicU64,
    /// Set once the current outage is logged.
    is_logged: AtomicBool,
    /// The time of the last log event of an outage, in nanoseconds. 0 is never.
    last_logged: AtomicU64,
}

/// The time between two log events, in nanoseconds, so that an intermittent storage does not fill the log.
const LOG_INTERVAL: u64 = 10_000_000_000;

impl Health {
    /// Creates the health of a storage with these servers.
    pub(crate) fn of(servers: Option<String>) -> Self {
        let mut health = Self::default();
        health.servers = servers;
        health
    }

    /// Records that the storage failed to decide.
    pub(crate) fn failed(&self, error: &StorageError, now: Timestamp) {
        self.count_error(error);
        let is_news = !self.is_failing.swap(true, Ordering::Relaxed);
        if is_news {
            storage_failed();
        }
        // Also later in an outage: its begin is not logged if another one was logged just before.
        if !self.is_logged.load(Ordering::Relaxed) && self.should_log(now) {
            self.is_logged.store(true, Ordering::Relaxed);
            event!(
                unthrottled(Some("L006")),
                WARN,
                servers = self.servers.as_deref(),
                error = shown(error.with_causes()),
                "storage failed: until it answers again, limits are decided in memory, or by `on_storage_failure`"
            );
        }
    }

    /// Records that the storage decided.
    pub(crate) fn succeeded(&self) {
        // Read first: usually nothing changes, and all workers share the cache line.
        let is_news =
            self.is_failing.load(Ordering::Relaxed) && self.is_failing.swap(false, Ordering::Relaxed);
        if is_news {
            storage_recovered();
        }
        if is_news && self.is_logged.swap(false, Ordering::Relaxed) {
            let errors = self.errors.load(Ordering::Relaxed);
            event!(
                unthrottled(Some("L016")),
                WARN,
                errors = errors,
                "storage answers again and decides the limits"
            );
        }
    }

    /// Counts a failed call. While a circuit breaker is open, the storage is not called.
    pub(crate) fn count_error(&self, error: &StorageError) {
        if error.is_of_call() {
            self.errors.fetch_add(1, Ordering::Relaxed);
            storage_error();
        }
    }

    /// Returns a snapshot.
    pub(crate) fn report(&self) -> StorageHealth {
        StorageHealth {
            is_failing: self.is_failing.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
        }
    }

    fn should_log(&self, now: Timestamp) -> bool {
        let (now, last) = (now.as_nanos().max(1), self.last_logged.load(Ordering::Relaxed));
        let is_due = last == 0 || now.saturating_sub(last) >= LOG_INTERVAL;
        // Of several threads, one logs.
        is_due && self.last_logged.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Removes a dropped limiter from the metric of failing storages.
impl Drop for Health {
    fn drop(&mut self) {
        if *self.is_failing.get_mut() {
            storage_recovered();
        }
    }
}

/// The health of a limiter's storage; returned by [`Limiter::storage_health`](crate::Limiter::storage_health).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageHealth {
    is_failing: bool,
    errors: u64,
}

impl StorageHealth {
    /// Returns whether the storage failed at its latest decision, so that limits are decided without it.
    pub fn is_failing(&self) -> bool {
        self.is_failing
    }

    /// Returns the number of storage calls that have failed since the limiter was built.
    pub fn errors(&self) -> u64 {
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defect: an outage that began soon after a short one was never logged.
    #[test]
    fn an_outage_soon_after_another_is_logged_later() {
        let (health, error) = (Health::default(), StorageError::new("it is gone"));
        let at = |seconds: u64| Timestamp::from_millis(1_000_000 + seconds * 1000);
        health.failed(&error, at(0));
        health.succeeded();
        health.failed(&error, at(2));
        assert!(!health.is_logged.load(Ordering::Relaxed), "it would fill the log");
        health.failed(&error, at(11));
        assert!(health.is_logged.load(Ordering::Relaxed));
    }
}
