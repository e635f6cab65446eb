use limiter_core::{
    Clock, Window,
    storage::{Hit, MemoryStorage, OwnedHit, Refund, Storage},
};

use crate::count_id::CountId;

/// An admitted hit on a count of concurrent requests.
#[derive(Clone, Debug)]
pub(crate) struct HeldHit {
    hit: OwnedHit,
    window: Window,
}

impl HeldHit {
    pub(crate) fn new(hit: Hit<'_>, window: Window) -> Self {
        Self { hit: OwnedHit::from(&hit.reserved(true)), window }
    }

    pub(super) fn hit(&self) -> Hit<'_> {
        self.hit.as_hit()
    }

    pub(super) fn count_id(&self) -> CountId {
        CountId::of(&self.hit())
    }

    /// Returns the refund of the hit, which has this stamp by now.
    pub(super) fn refund(&self, stamp: u64) -> Refund<'_> {
        let mut refund = Refund::new(self.hit(), &self.window);
        refund.stamp = stamp;
        refund
    }

    pub(super) fn first_stamp(&self) -> u64 {
        Refund::new(self.hit(), &self.window).stamp
    }

    pub(super) fn refund_in(&self, memory: &MemoryStorage, stamp: u64, clock: &dyn Clock) {
        // The memory storage is done when it returns.
        drop(memory.refund(&[self.refund(stamp)], clock.now()));
    }
}
