//! The limits bound in this process.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use limiter_core::{Policy, Scope};
use parking_lot::Mutex;

/// The limits bound in this process so far, so that `clear_all` finds the counts of one client.
#[derive(Debug, Default)]
pub(crate) struct KnownLimits {
    limits: Mutex<HashSet<(Scope, Policy)>>,
    /// Set once there are other limits in this process.
    is_incomplete: AtomicBool,
}

/// The maximum number of limits. Only dynamic limits with ever new quotas reach it.
const MAX_KNOWN: usize = 10_000;

impl KnownLimits {
    pub(crate) fn add(&self, scope: &Scope, policy: &Policy) {
        let mut known = self.limits.lock();
        if known.len() < MAX_KNOWN {
            known.insert((scope.clone(), policy.clone()));
        } else {
            self.is_incomplete.store(true, Ordering::Relaxed);
        }
    }

    /// Notes that the scope of a limit depends on the request, so that it is unknown here.
    pub(crate) fn add_unknown(&self) {
        self.is_incomplete.store(true, Ordering::Relaxed);
    }

    /// Returns whether these are all limits of this process.
    pub(crate) fn is_complete(&self) -> bool {
        !self.is_incomplete.load(Ordering::Relaxed)
    }

    pub(crate) fn all(&self) -> Vec<(Scope, Policy)> {
        self.limits.lock().iter().cloned().collect()
    }
}
