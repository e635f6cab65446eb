use std::sync::Arc;

use limiter_core::storage::{MemoryStorage, Storage};

/// Where the counts are. The memory storage is known by its type, so that it is asked without a future.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Memory(Arc<MemoryStorage>),
    Remote {
        storage: Arc<dyn Storage>,
        /// Decides while the storage cannot.
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

    /// Where counts are, or where they are while the storage fails.
    pub(crate) fn memory(&self) -> &Arc<MemoryStorage> {
        match self {
            Self::Memory(memory) | Self::Remote { fallback: memory, .. } => memory,
        }
    }
}
