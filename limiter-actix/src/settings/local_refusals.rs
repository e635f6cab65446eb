//! What is refused without asking a storage on another machine.

use std::{
    ptr,
    sync::{Arc, LazyLock, Weak},
};

use limiter_core::storage::{LocalRefusals, Storage};
use parking_lot::Mutex;

use crate::telemetry;

/// A storage, and what stands before it in this process.
type Guarded = (Weak<dyn Storage>, Weak<LocalRefusals>);

/// Held weakly: what no limiter holds any more is gone.
static GUARDED: LazyLock<Mutex<Vec<Guarded>>> = LazyLock::new(Mutex::default);

/// What stands before this storage for all limiters of this process: what one of them clears is cleared for all.
pub(crate) fn for_storage(storage: &Arc<dyn Storage>) -> Arc<LocalRefusals> {
    let mut guarded = GUARDED.lock();
    guarded.retain(|(_, refusals)| refusals.strong_count() > 0);
    let is_same = |other: &Weak<dyn Storage>| ptr::addr_eq(other.as_ptr(), Arc::as_ptr(storage));
    let there = guarded.iter().find(|(other, _)| is_same(other));
    if let Some(refusals) = there.and_then(|(_, refusals)| refusals.upgrade()) {
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
    fn one_storage_has_one() {
        let storage = || Arc::new(MemoryStorage::new()) as Arc<dyn Storage>;
        let (one, other) = (storage(), storage());
        let refusals = for_storage(&one);
        assert!(Arc::ptr_eq(&refusals, &for_storage(&Arc::clone(&one))));
        assert!(!Arc::ptr_eq(&refusals, &for_storage(&other)));
    }
}
