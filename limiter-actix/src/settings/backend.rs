//! The storage of a limiter.

use std::sync::Arc;

use limiter_core::storage::{MemoryStorage, Storage};

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
