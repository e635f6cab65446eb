//! The identity of a count, for what is kept of it in this process.

use limiter_core::{Key, Scope, storage::Hit};

/// The identity of a count. As in a storage, it does not depend on the amount where counts outlive a change of that.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CountId {
    scope: Scope,
    key: Key,
    policy: u64,
}

impl CountId {
    /// Returns the identity of the count that a hit is for.
    pub(crate) fn of(hit: &Hit<'_>) -> Self {
        Self { scope: hit.scope.clone(), key: hit.key.clone(), policy: hit.policy.id() }
    }
}
