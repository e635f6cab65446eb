use std::{cell::RefCell, fmt, sync::Arc};

use limiter_core::{Clock, storage::MemoryStorage};

use super::{hit::HeldHit, leases::HeldLeases};

/// The part of a count that a request holds. It is free again once this is dropped.
///
/// Nothing can fail then, and nothing panics: it may be dropped while a thread unwinds, or a worker shuts down.
pub(crate) struct Hold(Holder);

enum Holder {
    /// This process alone counts.
    Local { memory: Arc<MemoryStorage>, clock: Arc<dyn Clock>, hit: Box<HeldHit> },
    /// The number of a lease.
    Lease(Arc<HeldLeases>, u64),
}

/// The hold of a charge, which its clones share.
#[derive(Debug)]
pub(crate) struct SharedHold(RefCell<Option<Hold>>);

impl SharedHold {
    pub(crate) fn new(hold: Hold) -> Self {
        Self(RefCell::new(Some(hold)))
    }

    /// Ends the hold, whatever else refers to it.
    pub(crate) fn free(&self) {
        let hold = self.0.try_borrow_mut().ok().and_then(|mut hold| hold.take());
        drop(hold);
    }
}

impl Hold {
    /// Holds a hit that was counted in the memory of this process, and nowhere else.
    pub(crate) fn local(memory: &Arc<MemoryStorage>, clock: &Arc<dyn Clock>, hit: HeldHit) -> Self {
        Self(Holder::Local { memory: Arc::clone(memory), clock: Arc::clone(clock), hit: Box::new(hit) })
    }

    /// Holds a hit that was counted in a storage that other processes share, or in the memory that replaces it.
    pub(crate) fn leased(leases: &Arc<HeldLeases>, hit: HeldHit, is_in_memory: bool) -> Self {
        Self(Holder::Lease(Arc::clone(leases), leases.begin(hit, is_in_memory)))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        match &self.0 {
            Holder::Local { memory, clock, hit } => hit.refund_in(memory, hit.first_stamp(), &**clock),
            Holder::Lease(leases, number) => leases.end(*number),
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}
