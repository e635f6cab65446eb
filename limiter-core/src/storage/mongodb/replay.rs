//! Repeats the server's decision with the functions of the memory storage, to work out its reports.
//!
//! The server returns the counts from which it started. Whatever it has decided must come out here too.

use super::{
    layout::BatchLayout,
    pipeline::{ADMITTED, NANOS, REFUSED, REFUSED_BY_GUARD, Step},
    reply::{DocumentReply, PriorCount},
};
use crate::{
    Policy, Strategy, Timestamp, Window,
    storage::{
        Batch, Decision, Hit, Refund, Verdict,
        batch_decision::{self, CounterSet},
    },
    window::NEVER,
};

/// The repeated decision of a batch over one document or several.
pub(super) struct Replay<'a> {
    batch: &'a Batch<'a>,
    layout: &'a BatchLayout<'a>,
    counts: Vec<PriorCount>,
    /// The decision over all documents.
    decision: Decision,
    /// The hits that this decision makes, by their places in the batch.
    hits: Vec<usize>,
    /// The decisions of the documents, by client.
    parts: Vec<PartDecision>,
}

/// The decision of one document about its part of the batch.
struct PartDecision {
    verdict: Verdict,
    /// The reports of the limits, with their indices in the batch.
    limits: Vec<(usize, Window)>,
    /// The code of the verdict, if the decision has changed the document.
    written: Option<u64>,
}

impl<'a> Replay<'a> {
    /// Repeats a decision.
    pub(super) fn new(
        batch: &'a Batch<'a>,
        layout: &'a BatchLayout<'a>,
        replies: Vec<DocumentReply>,
    ) -> Self {
        let written: Vec<_> = replies.iter().map(|reply| reply.written).collect();
        let mut counts: Vec<(usize, PriorCount)> =
            replies.into_iter().flat_map(|reply| reply.counts).collect();
        counts.sort_unstable_by_key(|(place, _)| *place);
        let counts: Vec<_> = counts.into_iter().map(|(_, count)| count).collect();
        let part = |(client, written)| PartDecision::new(batch, layout, &counts, client, written);
        let parts = written.into_iter().enumerate().map(part).collect();
        let (decision, hits) = decide(batch, &counts, &layout.places);
        Self { batch, layout, counts, decision, hits, parts }
    }

    /// Returns whether all documents have decided the same as here.
    pub(super) fn agrees(&self) -> bool {
        self.parts.iter().all(|part| part.agrees(self.batch))
    }

    /// Returns the steps that complete a decision over several documents, with the indices of their counts: undoing the
    /// hits of a part if another refuses, and the effects of a refusal.
    pub(super) fn steps(&self) -> Vec<(usize, Step<'a>)> {
        if self.decision.is_admitted() {
            return Vec::new();
        }
        let mut steps = self.undo_admitted();
        steps.extend(self.hits.iter().map(|place| self.effect(*place)));
        steps
    }

    /// Returns the steps that undo the hits of all parts that were admitted, with the indices of their counts.
    pub(super) fn undo_admitted(&self) -> Vec<(usize, Step<'a>)> {
        let is_admitted =
            |part: &&PartDecision| part.verdict == Verdict::Admitted && part.written == Some(ADMITTED);
        let limits = self.parts.iter().filter(is_admitted).flat_map(|part| &part.limits);
        limits.flat_map(|(limit, window)| self.undo(*limit, window)).flatten().collect()
    }

    /// Returns the decision with times in whole milliseconds. The server's clock counts those, so a shorter wait would
    /// end too early.
    pub(super) fn into_decision(self) -> Decision {
        let [guards, limits] = [self.decision.guards(), self.decision.limits()]
            .map(|windows| windows.iter().copied().map(whole_millis));
        Decision::new(self.decision.verdict(), guards, limits)
    }

    /// Returns the steps that undo the hit on a limit: the refund, and the end of an elastic window.
    fn undo(&self, limit: usize, window: &Window) -> [Option<(usize, Step<'a>)>; 2] {
        let hit = self.batch.limits[limit];
        let place = self.layout.places[self.batch.guards.len() + limit];
        let refund =
            (window.is_allowed() && hit.cost > 0).then(|| (place, Step::Refund(Refund::new(hit, window))));
        let PriorCount { now, end: before, .. } = self.counts[place];
        let now = now.as_nanos() / NANOS;
        let has_moved = hit.policy.strategy() == Strategy::FixedWindowElasticExpiry && before > now;
        let end = now.saturating_add(hit.policy.window() / NANOS);
        [has_moved.then_some((place, Step::Restore { end, before })), refund]
    }

    /// Returns the step for a hit of a refused batch: an elastic limit that refuses, or a hit on refusal.
    fn effect(&self, place: usize) -> (usize, Step<'a>) {
        let first_on_refusal = self.batch.guards.len() + self.batch.limits.len();
        let on_refusal = place.checked_sub(first_on_refusal).map(|index| self.batch.on_refusal[index]);
        (self.layout.places[place], on_refusal.map_or(Step::Refuse, Step::Hit))
    }
}

impl PartDecision {
    fn new(
        batch: &Batch<'_>,
        layout: &BatchLayout<'_>,
        counts: &[PriorCount],
        client: usize,
        written: Option<u64>,
    ) -> Self {
        let first_limit = batch.guards.len();
        let is_here = |place: &usize| layout.count(*place).client == client;
        let guard_places: Vec<_> = (0..first_limit).filter(is_here).collect();
        let limit_places: Vec<_> = (first_limit..first_limit + batch.limits.len()).filter(is_here).collect();
        let guards: Vec<Hit<'_>> = guard_places.iter().map(|place| batch.guards[*place]).collect();
        let limits: Vec<Hit<'_>> =
            limit_places.iter().map(|place| batch.limits[*place - first_limit]).collect();
        let places: Vec<_> =
            guard_places.iter().chain(&limit_places).map(|place| layout.places[*place]).collect();
        let (decision, _) = decide(&Batch::new(&limits).guards(&guards), counts, &places);
        let limits = limit_places.iter().map(|place| place - first_limit);
        let limits = limits.zip(decision.limits().iter().copied()).collect();
        Self { verdict: decision.verdict(), limits, written }
    }

    /// Returns whether the document has decided the same: it was changed if something was taken, and only with this
    /// verdict.
    fn agrees(&self, batch: &Batch<'_>) -> bool {
        match self.written {
            Some(written) => written == code(self.verdict),
            None => self.verdict != Verdict::Admitted || !self.takes(batch),
        }
    }

    fn takes(&self, batch: &Batch<'_>) -> bool {
        self.limits.iter().any(|(limit, window)| {
            let hit = &batch.limits[*limit];
            // A charge takes nothing if nothing more fits.
            hit.cost > 0 && window.is_allowed() && !hit.policy.is_charging()
        })
    }
}

/// Decides a batch on copies of the counts. Returns the decision and the hits that it makes, by their places in the batch.
fn decide(batch: &Batch<'_>, counts: &[PriorCount], places: &[usize]) -> (Decision, Vec<usize>) {
    let mut copies = CountCopies { counts: counts.to_vec(), places, hits: Vec::new() };
    // Each count has its own time.
    let decision = batch_decision::decide_batch(&mut copies, batch, Timestamp::default());
    (decision, copies.hits)
}

/// Copies of counts, which record the hits on them.
///
/// Counts that only hits on refusal use are unknown: the server does not report them. These hits do not change the
/// decision.
struct CountCopies<'a> {
    counts: Vec<PriorCount>,
    /// The index of each hit's count.
    places: &'a [usize],
    hits: Vec<usize>,
}

impl CounterSet for CountCopies<'_> {
    type Entry = usize;

    fn entry(&self, place: usize) -> usize {
        self.places[place]
    }

    fn test(&self, place: usize, policy: &Policy, cost: u64, _: Timestamp) -> Window {
        let count = &self.counts[self.places[place]];
        count.state.test(policy, cost, count.now)
    }

    fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        if policy.ignores(cost) {
            return self.test(place, policy, cost, now);
        }
        self.hits.push(place);
        let count = &mut self.counts[self.places[place]];
        count.state.hit(policy, cost, count.now)
    }
}

fn code(verdict: Verdict) -> u64 {
    match verdict {
        Verdict::Admitted => ADMITTED,
        Verdict::Refused => REFUSED,
        Verdict::RefusedByGuard => REFUSED_BY_GUARD,
    }
}

fn whole_millis(mut window: Window) -> Window {
    let whole = |nanos: u64| if nanos == NEVER { NEVER } else { nanos.div_ceil(NANOS).saturating_mul(NANOS) };
    (window.reset, window.retry_after) = (whole(window.reset), whole(window.retry_after));
    window
}
