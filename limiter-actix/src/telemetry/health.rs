//! What a limiter knows of how its storage is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use limiter_core::{Timestamp, storage::StorageError};

use super::metrics::{storage_error, storage_failed, storage_recovered};

/// How the storage of a limiter is, as far as the limiter has noticed. Shared by all workers.
#[derive(Debug, Default)]
pub(crate) struct Health {
    is_failing: AtomicBool,
    errors: AtomicU64,
    /// Whether the log says that it is failing.
    is_logged: AtomicBool,
    /// When the log last said so, in nanoseconds; 0 is never.
    last_logged: AtomicU64,
}

/// Between two times that the log says so: a storage that fails now and then must not fill it.
const LOG_INTERVAL: u64 = 10_000_000_000;

impl Health {
    /// Notes that a decision could not be had.
    pub(crate) fn failed(&self, error: &StorageError, now: Timestamp) {
        self.count_error();
        let is_news = !self.is_failing.swap(true, Ordering::Relaxed);
        if is_news {
            storage_failed();
        }
        // Not only when it is news: what came and went may have been said just before.
        if !self.is_logged.load(Ordering::Relaxed) && self.should_log(now) {
            self.is_logged.store(true, Ordering::Relaxed);
            tracing::warn!(
                code = "L006",
                error = %error.with_causes(),
                "the storage failed: until it answers again limits are decided in memory, or as \
                 `on_storage_failure` says"
            );
        }
    }

    /// Notes that a decision was had.
    pub(crate) fn succeeded(&self) {
        // Mostly there is nothing to write, and all workers share the line.
        let is_news =
            self.is_failing.load(Ordering::Relaxed) && self.is_failing.swap(false, Ordering::Relaxed);
        if is_news {
            storage_recovered();
        }
        if is_news && self.is_logged.swap(false, Ordering::Relaxed) {
            let errors = self.errors.load(Ordering::Relaxed);
            tracing::warn!(code = "L016", errors, "the storage answers again and decides the limits");
        }
    }

    /// Counts a call that failed.
    pub(crate) fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        storage_error();
    }

    /// Returns how the storage is.
    pub(crate) fn report(&self) -> StorageHealth {
        StorageHealth {
            is_failing: self.is_failing.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
        }
    }

    fn should_log(&self, now: Timestamp) -> bool {
        let (now, last) = (now.as_nanos().max(1), self.last_logged.load(Ordering::Relaxed));
        let may_be = last == 0 || now.saturating_sub(last) >= LOG_INTERVAL;
        // Of several that may, one does.
        may_be && self.last_logged.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// A limiter that is gone does not fail.
impl Drop for Health {
    fn drop(&mut self) {
        if *self.is_failing.get_mut() {
            storage_recovered();
        }
    }
}

/// How the storage of a limiter is, as [`Limiter::storage_health`](crate::Limiter::storage_health) tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageHealth {
    is_failing: bool,
    errors: u64,
}

impl StorageHealth {
    /// Whether the storage failed to give the latest decision it was asked for, so that limits are decided
    /// without it.
    pub fn is_failing(&self) -> bool {
        self.is_failing
    }

    /// How many calls of the storage have failed since the limiter was built.
    pub fn errors(&self) -> u64 {
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defect: an outage that began soon after a short one was never told.
    #[test]
    fn an_outage_is_told_though_one_was_just_before() {
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
