use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use crate::storage::StorageError;

/// Whether a storage is left alone.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    is_open: AtomicBool,
    is_probed: AtomicBool,
    /// Failures since the last success.
    failures: AtomicU32,
}

impl Breaker {
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    pub(super) fn succeeded(&self) {
        // Mostly there is nothing to write, and all threads share the line.
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a failure; tells whether it was the one that opened the breaker.
    pub(super) fn failed(&self, most: NonZeroU32, error: &StorageError) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let opens = failures >= most.get() && !self.is_open.swap(true, Ordering::Relaxed);
        if opens {
            tracing::warn!(
                code = "S001",
                error = %error.with_causes(),
                failures,
                "the storage keeps failing and is left alone until it answers again"
            );
        }
        opens
    }

    pub(super) fn close(&self) {
        self.failures.store(0, Ordering::Relaxed);
        if self.is_open.swap(false, Ordering::Relaxed) {
            tracing::warn!(code = "S002", "the storage answers again");
        }
    }

    /// Lets one prober in at a time; none when there is one.
    pub(super) fn begin_probing(&self) -> bool {
        !self.is_probed.swap(true, Ordering::Relaxed)
    }

    pub(super) fn end_probing(&self) {
        self.is_probed.store(false, Ordering::Relaxed);
    }
}
