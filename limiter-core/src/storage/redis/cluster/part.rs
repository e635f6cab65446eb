use crate::{
    Window,
    storage::{
        Batch, Hit,
        redis::{call::Call, reply::ScriptReply},
    },
};

/// The part of a batch that one slot decides.
pub(super) struct BatchPart<'a> {
    pub(super) slot: u16,
    guards: Vec<Hit<'a>>,
    limits: Vec<Hit<'a>>,
    /// The places of these hits in the batch.
    places: Vec<usize>,
}

/// Splits the guards and limits of a batch by the slots of its hits.
pub(super) fn split<'a>(batch: &Batch<'a>, slots: &[u16]) -> Vec<BatchPart<'a>> {
    let mut parts: Vec<BatchPart<'a>> = Vec::new();
    let (guards, limits) = (batch.guards.len(), batch.limits.len());
    for (place, (hit, slot)) in batch.hits().zip(slots).take(guards + limits).enumerate() {
        let at = parts.iter().position(|part| part.slot == *slot).unwrap_or_else(|| {
            parts.push(BatchPart { slot: *slot, guards: Vec::new(), limits: Vec::new(), places: Vec::new() });
            parts.len() - 1
        });
        let part = &mut parts[at];
        // Guards precede limits in the batch, and so in `places`.
        if place < guards { &mut part.guards } else { &mut part.limits }.push(*hit);
        part.places.push(place);
    }
    parts
}

impl BatchPart<'_> {
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch::new(&self.limits).guards(&self.guards)
    }

    /// Passes the window of each hit to `report`, with the place of the hit in the batch.
    pub(super) fn report(
        &self,
        call: &Call,
        reply: &ScriptReply,
        is_undone: bool,
        mut report: impl FnMut(usize, Window),
    ) {
        let windows = reply.windows(&self.batch(), call.places(), is_undone);
        self.places.iter().zip(windows).for_each(|(place, window)| report(*place, window));
    }
}
