use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use crate::{
    log::{Throttle, event, shown},
    storage::StorageError,
};

/// A circuit breaker, which is open while the storage fails.
#[derive(Debug)]
pub(super) struct Breaker {
    is_open: AtomicBool,
    is_probed: AtomicBool,
    /// Failures since the last success.
    failures: AtomicU32,
    opened: Throttle,
    closed: Throttle,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            is_open: AtomicBool::default(),
            is_probed: AtomicBool::default(),
            failures: AtomicU32::default(),
            opened: Throttle::of("S001"),
            closed: Throttle::of("S002"),
        }
    }
}

impl Breaker {
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    pub(super) fn record_success(&self) {
        // Usually there is nothing to write. A write would slow down the other threads, which share the line.
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a failure. Returns whether it opened the circuit.
    pub(super) fn record_failure(&self, max_failures: NonZeroU32, error: &StorageError) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let opens = failures >= max_failures.get() && !self.is_open.swap(true, Ordering::Relaxed);
        if opens {
            event!(
                self.opened.permit_now(),
                WARN,
                error = shown(error.with_causes()),
                failures = failures,
                "circuit open: the storage keeps failing; calls fail at once until it answers a probe"
            );
        }
        opens
    }

    pub(super) fn close(&self) {
        self.failures.store(0, Ordering::Relaxed);
        if self.is_open.swap(false, Ordering::Relaxed) {
            event!(self.closed.permit_now(), WARN, "circuit closed: the storage answers again");
        }
    }

    /// Starts the turn of a prober. Returns `false` while another one probes.
    pub(super) fn begin_probing(&self) -> bool {
        !self.is_probed.swap(true, Ordering::Relaxed)
    }

    pub(super) fn end_probing(&self) {
        self.is_probed.store(false, Ordering::Relaxed);
    }
}
