//! Wrappers of storages on other machines, one of each kind for a storage in this process.

use std::{
    ptr,
    sync::{Arc, Weak},
};

use limiter_core::storage::Storage;
use parking_lot::Mutex;

/// The wrappers of one kind.
pub(super) struct SharedWrappers<W>(Mutex<Vec<WrappedStorage<W>>>);

/// A storage, and its wrapper in this process. Weak references, so that a storage without a limiter is dropped.
type WrappedStorage<W> = (Weak<dyn Storage>, Weak<W>);

impl<W> SharedWrappers<W> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Returns the wrapper of a storage, which is made if there is none.
    ///
    /// All limiters of this process share it, so that `clear` of one limiter takes effect in all.
    pub(super) fn of(&self, storage: &Arc<dyn Storage>, wrap: impl FnOnce(Arc<dyn Storage>) -> W) -> Arc<W> {
        let mut all = self.0.lock();
        all.retain(|(_, wrapper)| wrapper.strong_count() > 0);
        let is_same = |other: &Weak<dyn Storage>| ptr::addr_eq(other.as_ptr(), Arc::as_ptr(storage));
        let known = all.iter().find(|(other, _)| is_same(other));
        if let Some(wrapper) = known.and_then(|(_, wrapper)| wrapper.upgrade()) {
            return wrapper;
        }
        let wrapper = Arc::new(wrap(Arc::clone(storage)));
        all.push((Arc::downgrade(storage), Arc::downgrade(&wrapper)));
        wrapper
    }
}

#[cfg(test)]
mod tests {
    use limiter_core::storage::MemoryStorage;

    use super::*;

    #[test]
    fn limiters_of_one_storage_share_its_wrapper() {
        let wrappers = SharedWrappers::new();
        let storage = || Arc::new(MemoryStorage::new()) as Arc<dyn Storage>;
        let (one, other) = (storage(), storage());
        let wrapper = wrappers.of(&one, Some);
        assert!(Arc::ptr_eq(&wrapper, &wrappers.of(&Arc::clone(&one), Some)));
        assert!(!Arc::ptr_eq(&wrapper, &wrappers.of(&other, Some)));
    }
}
