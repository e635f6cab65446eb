//! The storage of a limiter.

use std::{sync::Arc, time::Duration};

use limiter_core::{
    Policy, PolicyError,
    storage::{MemoryStorage, Storage},
};

/// The storage of a limiter. The memory storage has its own variant, so that calls to it need no future.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Memory(Arc<MemoryStorage>),
    Remote {
        storage: Arc<dyn Storage>,
        /// Decides while the storage fails.
        fallback: Arc<MemoryStorage>,
    },
}

impl Backend {
    /// Returns a policy with the lease of concurrent requests, if other processes share their counts.
    pub(crate) fn with_lease(&self, policy: Policy, lease: Duration) -> Policy {
        match self {
            Self::Memory(_) => policy,
            Self::Remote { .. } => policy.with_lease(lease),
        }
    }

    /// Checks whether the storage can enforce a policy.
    pub(crate) fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        self.storage().check(policy)?;
        if policy.is_concurrent() && !self.storage().has_leases() {
            let reason = "it implements no leases (`Storage::renew`)";
            let (storage, quota) = ("the storage", policy.quota());
            return Err(PolicyError::ConcurrentNotKept { storage, quota, reason });
        }
        Ok(())
    }

    pub(crate) fn storage(&self) -> &dyn Storage {
        match self {
            Self::Memory(memory) => &**memory,
            Self::Remote { storage, .. } => &**storage,
        }
    }

    /// Returns a handle to the storage.
    pub(crate) fn shared(&self) -> Arc<dyn Storage> {
        match self {
            Self::Memory(memory) => Arc::clone(memory) as _,
            Self::Remote { storage, .. } => Arc::clone(storage),
        }
    }

    /// Returns the memory storage that counts, or that counts while the storage fails.
    pub(crate) fn memory(&self) -> &Arc<MemoryStorage> {
        match self {
            Self::Memory(memory) | Self::Remote { fallback: memory, .. } => memory,
        }
    }
}
