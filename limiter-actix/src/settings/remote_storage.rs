//! A storage that is not the memory of the process, as it is configured.

use std::sync::Arc;

use limiter_core::storage::Storage;

use super::{leases, local_refusals};

/// A storage, without the wrappers of the limiter.
#[derive(Clone, Debug)]
pub(crate) struct RemoteStorage {
    storage: Arc<dyn Storage>,
    /// Reached from here only, so that the linker leaves the wrappers out of programs that count in memory.
    wrap: fn(Arc<dyn Storage>, bool) -> Arc<dyn Storage>,
}

impl RemoteStorage {
    pub(crate) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, wrap }
    }

    /// Returns the storage with its wrappers.
    pub(crate) fn wrapped(self, has_local_refusals: bool) -> Arc<dyn Storage> {
        (self.wrap)(self.storage, has_local_refusals)
    }
}

fn wrap(storage: Arc<dyn Storage>, has_local_refusals: bool) -> Arc<dyn Storage> {
    if storage.is_local() {
        return storage;
    }
    let storage = if has_local_refusals { local_refusals::for_storage(&storage) } else { storage };
    // Whether a limit has leases is known at its route only.
    leases::for_storage(&storage)
}
