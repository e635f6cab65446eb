use crate::{
    Window,
    storage::{
        Batch, Hit,
        redis::{call::Call, reply::Reply},
    },
};

/// What of a batch one slot decides.
pub(super) struct Part<'a> {
    pub(super) slot: u16,
    guards: Vec<Hit<'a>>,
    limits: Vec<Hit<'a>>,
    /// The places of these among the hits of the batch.
    places: Vec<usize>,
}

/// The parts of a batch whose hits have these slots. What is hit only on refusal is in none of them.
pub(super) fn parts<'a>(batch: &Batch<'a>, slots: &[u16]) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    let (guards, limits) = (batch.guards.len(), batch.limits.len());
    for (place, (hit, slot)) in batch.hits().zip(slots).take(guards + limits).enumerate() {
        let at = parts.iter().position(|part| part.slot == *slot).unwrap_or_else(|| {
            parts.push(Part { slot: *slot, guards: Vec::new(), limits: Vec::new(), places: Vec::new() });
            parts.len() - 1
        });
        let part = &mut parts[at];
        // Guards come first in the batch, so they do in `places`.
        if place < guards { &mut part.guards } else { &mut part.limits }.push(*hit);
        part.places.push(place);
    }
    parts
}

impl Part<'_> {
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch::new(&self.limits).guards(&self.guards)
    }

    /// Reports how its hits stand, each with its place in the batch.
    pub(super) fn report(
        &self,
        call: &Call,
        reply: &Reply,
        is_returned: bool,
        mut report: impl FnMut(usize, Window),
    ) {
        let windows = reply.windows(&self.batch(), call.places(), is_returned);
        self.places.iter().zip(windows).for_each(|(place, window)| report(*place, window));
    }
}
