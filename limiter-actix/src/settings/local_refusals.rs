//! Local refusals in front of a storage on another machine.

use std::{
    ptr,
    sync::{Arc, LazyLock, Weak},
};

use limiter_core::storage::{LocalRefusals, Storage};
use parking_lot::Mutex;

use crate::telemetry;

/// A storage, and its local refusals in this process.
type Guarded = (Weak<dyn Storage>, Weak<LocalRefusals>);

/// Weak references, so that a storage without a limiter is dropped.
static GUARDED: LazyLock<Mutex<Vec<Guarded>>> = LazyLock::new(Mutex::default);

/// Returns the local refusals of a storage.
///
/// All limiters of this process share them, so that `clear` of one limiter takes effect in all.
pub(crate) fn for_storage(storage: &Arc<dyn Storage>) -> Arc<LocalRefusals> {
    let mut guarded = GUARDED.lock();
    guarded.retain(|(_, refusals)| refusals.strong_count() > 0);
    let is_same = |other: &Weak<dyn Storage>| ptr::addr_eq(other.as_ptr(), Arc::as_ptr(storage));
    let known = guarded.iter().find(|(other, _)| is_same(other));
    if let Some(refusals) = known.and_then(|(_, refusals)| refusals.upgrade()) {
        return refusals;
    }
    let refusals = Arc::new(LocalRefusals::new(Arc::clone(storage)).on_refusal(telemetry::local_refusal));
    guarded.push((Arc::downgrade(storage), Arc::downgrade(&refusals)));
    refusals
}

#[cfg(test)]
mod tests {
    use limiter_core::storage::MemoryStorage;

    use super::*;

    #[test]
    fn limiters_of_one_storage_share_local_refusals() {
        let storage = || Arc::new(MemoryStorage::new()) as Arc<dyn Storage>;
        let (one, other) = (storage(), storage());
        let refusals = for_storage(&one);
        assert!(Arc::ptr_eq(&refusals, &for_storage(&Arc::clone(&one))));
        assert!(!Arc::ptr_eq(&refusals, &for_storage(&other)));
    }
}
