//! The decision of a batch, the same for every storage that decides in this process: all of its limits or none.

use super::{Batch, Decision, Hit, Verdict, decision::Windows};
use crate::{Policy, Strategy, Timestamp, Window};

/// The counts of a batch, locked against other batches.
///
/// A count is addressed by the place of its hit in the batch: guards, then limits, then hits on refusal.
pub(super) trait CounterSet {
    /// The container of the counts of several policies. Hits on the same container compare equal.
    type Entry: PartialEq;

    /// Returns the entry of the hit at a place.
    fn entry(&self, place: usize) -> Self::Entry;

    /// Tests whether `cost` would pass. Changes nothing.
    fn test(&self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window;

    /// Takes `cost` if it passes.
    fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window;

    /// Remembers that a count has refused `cost`, if it evicts by that. Changes no decision.
    fn note_refusal(&mut self, place: usize, policy: &Policy, cost: u64) {
        let _ = (place, policy, cost);
    }
}

/// Decides a batch.
pub(super) fn decide_batch(counts: &mut impl CounterSet, batch: &Batch<'_>, now: Timestamp) -> Decision {
    let mut windows = Windows::new();
    let guarded = !test(counts, batch.guards, 0, now, &mut windows);
    let refused = !test(counts, batch.limits, batch.guards.len(), now, &mut windows);

    let (guards, limits) = windows.split_at_mut(batch.guards.len());
    if guarded {
        note_refusals(counts, batch.guards, 0, guards);
    } else if refused {
        note_refusals(counts, batch.limits, batch.guards.len(), limits);
    }
    let verdict = match (guarded, refused) {
        (true, _) => Verdict::RefusedByGuard,
        (false, true) => {
            refuse(counts, batch, limits, now);
            Verdict::Refused
        }
        (false, false) => {
            consume(counts, batch, limits, now);
            Verdict::Admitted
        }
    };
    Decision::from_windows(verdict, batch.guards.len(), windows)
}

/// Tests `hits`, which begin at the place `first` of the batch. Returns whether none refuses.
fn test(
    counts: &impl CounterSet,
    hits: &[Hit<'_>],
    first: usize,
    now: Timestamp,
    windows: &mut Windows,
) -> bool {
    let mut pass = true;
    for (index, hit) in hits.iter().enumerate() {
        let cost = cost_so_far(counts, hits, index, first, &windows[first..]);
        let window = counts.test(first + index, hit.policy, cost, now);
        pass &= hit.shadow || window.is_allowed();
        windows.push(window);
    }
    pass
}

/// Remembers which of `hits`, which begin at the place `first` of the batch, have refused it.
fn note_refusals(counts: &mut impl CounterSet, hits: &[Hit<'_>], first: usize, windows: &[Window]) {
    for (index, hit) in hits.iter().enumerate() {
        if !hit.shadow && !windows[index].is_allowed() {
            let cost = cost_so_far(counts, hits, index, first, windows);
            counts.note_refusal(first + index, hit.policy, cost);
        }
    }
}

/// Returns the cost of a hit plus that of earlier hits on the same count, which a batch may hit twice.
fn cost_so_far(
    counts: &impl CounterSet,
    hits: &[Hit<'_>],
    index: usize,
    first: usize,
    windows: &[Window],
) -> u64 {
    let same_count = |earlier: &usize| {
        counts.entry(first + earlier) == counts.entry(first + index)
            && hits[*earlier].policy.id() == hits[index].policy.id()
    };
    // A shadow hit that is refused takes nothing.
    let takes = |earlier: &usize| windows[*earlier].is_allowed() || !hits[*earlier].shadow;
    (0..index)
        .filter(same_count)
        .filter(takes)
        .fold(hits[index].cost, |sum, earlier| sum.saturating_add(hits[earlier].cost))
}

fn consume(counts: &mut impl CounterSet, batch: &Batch<'_>, windows: &mut [Window], now: Timestamp) {
    let first = batch.guards.len();
    for (index, hit) in batch.limits.iter().enumerate() {
        let has_passed = windows[index].is_allowed();
        windows[index] = counts.hit(first + index, hit.policy, hit.cost, now);
        // An earlier hit on the same metered count has taken the rest.
        if has_passed && !windows[index].is_allowed() {
            windows[index] = counts.hit(first + index, &hit.policy.charging(), hit.cost, now);
        }
    }
}

fn refuse(counts: &mut impl CounterSet, batch: &Batch<'_>, windows: &mut [Window], now: Timestamp) {
    let first = batch.guards.len();
    for (index, hit) in batch.limits.iter().enumerate() {
        let refuses = !windows[index].is_allowed() && !hit.shadow;
        if refuses && hit.policy.strategy() == Strategy::FixedWindowElasticExpiry {
            // At the cost that the test refused: the cost of this hit alone might pass.
            let cost = cost_so_far(counts, batch.limits, index, first, windows);
            windows[index] = counts.hit(first + index, hit.policy, cost, now);
        }
    }
    let first = first + batch.limits.len();
    let refused = |limit: usize| !windows[limit].is_allowed() && !batch.limits[limit].shadow;
    for (index, hit) in (first..).zip(batch.on_refusal) {
        if hit.only_after.is_none_or(|limit| limit < windows.len() && refused(limit)) {
            let _ = counts.hit(index, hit.policy, hit.cost, now);
        }
    }
}
