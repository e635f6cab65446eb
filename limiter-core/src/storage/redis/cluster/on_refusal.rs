use super::part::{self, BatchPart};
use crate::storage::{Batch, Hit, decision::Windows, owned_hit::OwnedHit, redis::call::Call};

/// The hits on refusal of a batch over several slots, for a task that outlives the request.
pub(super) struct OnRefusal {
    /// The guards and limits, whose windows show which limits refuse.
    guards: Vec<OwnedHit>,
    limits: Vec<OwnedHit>,
    /// The slots of all hits.
    slots: Vec<u16>,
    /// For each hit on refusal the limit that it depends on, its slot and its call.
    calls: Vec<(Option<usize>, u16, Call)>,
}

impl OnRefusal {
    /// Takes the hits from a batch, or returns `None` if there are none. `call` makes the call that takes some hits.
    pub(super) fn new(batch: &Batch<'_>, slots: &[u16], call: impl Fn(&[Hit<'_>]) -> Call) -> Option<Self> {
        if batch.on_refusal.is_empty() {
            return None;
        }
        let first = batch.guards.len() + batch.limits.len();
        // Each is taken if it passes, whatever the others do.
        let calls = batch.on_refusal.iter().zip(&slots[first..]);
        let calls = calls.map(|(hit, slot)| (hit.only_after, *slot, call(&[hit.shadow(true)])));
        let owned = |hits: &[Hit<'_>]| hits.iter().map(OwnedHit::from).collect();
        Some(Self {
            guards: owned(batch.guards),
            limits: owned(batch.limits),
            slots: slots.to_vec(),
            calls: calls.collect(),
        })
    }

    /// Returns the calls of a refused batch that are due. `windows` returns the windows of the parts of the batch.
    pub(super) fn due(self, windows: impl FnOnce(&[BatchPart<'_>]) -> Windows) -> Vec<(u16, Call)> {
        let [guards, limits] =
            [&self.guards, &self.limits].map(|hits| hits.iter().map(OwnedHit::as_hit).collect::<Vec<_>>());
        let parts = part::split(&Batch::new(&limits).guards(&guards), &self.slots);
        let windows = windows(&parts);
        let refuses = |limit: usize| {
            let hit = limits.get(limit);
            hit.is_some_and(|hit| !hit.shadow) && !windows[guards.len() + limit].is_allowed()
        };
        let due = self.calls.into_iter().filter(|(only_after, ..)| only_after.is_none_or(refuses));
        due.map(|(_, slot, call)| (slot, call)).collect()
    }
}
