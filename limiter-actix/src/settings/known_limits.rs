//! The limits bound in this process.

use std::collections::HashSet;

use limiter_core::{Policy, Scope};
use parking_lot::Mutex;

/// The limits bound in this process so far, so that `clear` finds all counts of one client.
#[derive(Debug, Default)]
pub(crate) struct KnownLimits(Mutex<HashSet<(Scope, Policy)>>);

/// The maximum number of limits. Only dynamic limits with ever new quotas reach it.
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
