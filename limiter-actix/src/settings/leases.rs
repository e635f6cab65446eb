//! The counts of a remote storage that are charged ahead of need.

use std::sync::Arc;

use limiter_core::{
    Leases, Policy,
    storage::{LeaseStorage, Storage},
};

use super::{Settings, build_error::BuildError, shared_wrapper::SharedWrappers};
use crate::Limit;

static LEASED: SharedWrappers<LeaseStorage> = SharedWrappers::new();

/// Returns the leases from a storage, which the limiters of this process share. Each limit comes with its own settings for
/// them.
pub(crate) fn for_storage(storage: &Arc<dyn Storage>) -> Arc<LeaseStorage> {
    LEASED.of(storage, LeaseStorage::new)
}

/// Returns the leases that a source turns on or off.
pub(crate) fn leases(is_on: bool) -> Option<Leases> {
    is_on.then(Leases::default)
}

impl Settings {
    /// Returns the leases of a limit.
    pub(crate) fn leases_of(&self, limit: &Limit) -> Option<Leases> {
        let is_on = limit.leases.unwrap_or(self.hot_leases.is_some());
        is_on.then(|| self.hot_leases.unwrap_or_default())
    }
}

/// Rejects leases of a limit whose count cannot have them.
pub(crate) fn check_leases(limit: &Limit, policy: &Policy) -> Result<(), BuildError> {
    if limit.leases != Some(true) || policy.can_be_leased() {
        return Ok(());
    }
    Err(BuildError::Option(format!(
        "`leases`: `{}` has none; they need the strategy `fixed-window`, without `keep_used` and `metered`",
        policy.quota()
    )))
}
