use std::collections::HashSet;

use limiter_core::{Policy, Scope};
use parking_lot::Mutex;

/// The limits that a process has met so far, so that all counts of one client can be found.
#[derive(Debug, Default)]
pub(crate) struct KnownLimits(Mutex<HashSet<(Scope, Policy)>>);

/// More come about only when functions keep telling new quotas.
const MAX_KNOWN: usize = 10_000;

impl KnownLimits {
    pub(crate) fn add(&self, scope: &Scope, policy: &Policy) {
        let mut known = self.0.lock();
        if known.len() < MAX_KNOWN {
            known.insert((scope.clone(), policy.clone()));
        }
    }

    pub(crate) fn all(&self) -> Vec<(Scope, Policy)> {
        self.0.lock().iter().cloned().collect()
    }
}
