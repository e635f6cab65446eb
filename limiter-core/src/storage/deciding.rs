//! How a batch comes out, wherever its counts are: all of its limits or none.

use super::{Batch, Decision, Hit, Verdict, decision::Windows};
use crate::{Policy, Strategy, Timestamp, Window};

/// The counts of a batch, which nobody else sees or changes meanwhile. They are named by the place of their hit
/// in the batch: guards, limits, those on refusal.
pub(super) trait Counts {
    /// What keeps the counts of several policies, and is the same for hits of one.
    type Entry: PartialEq;

    /// The entry of the hit at a place.
    fn entry(&self, place: usize) -> Self::Entry;

    /// Tells whether `cost` would pass; changes nothing.
    fn test(&self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window;

    /// Takes `cost` if it passes.
    fn hit(&mut self, place: usize, policy: &Policy, cost: u64, now: Timestamp) -> Window;
}

/// Decides a batch.
pub(super) fn decide(counts: &mut impl Counts, batch: &Batch<'_>, now: Timestamp) -> Decision {
    let mut windows = Windows::new();
    let guarded = !test(counts, batch.guards, 0, now, &mut windows);
    let refused = !test(counts, batch.limits, batch.guards.len(), now, &mut windows);

    let limits = &mut windows[batch.guards.len()..];
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

/// Looks at `hits`, the first of which is the `first` of the batch; tells whether none refuses.
fn test(counts: &impl Counts, hits: &[Hit<'_>], first: usize, now: Timestamp, windows: &mut Windows) -> bool {
    let mut pass = true;
    for (index, hit) in hits.iter().enumerate() {
        let cost = cost_so_far(counts, hits, index, first, &windows[first..]);
        let window = counts.test(first + index, hit.policy, cost, now);
        pass &= hit.shadow || window.is_allowed();
        windows.push(window);
    }
    pass
}

/// The cost of a hit and of what earlier ones will have taken: one count may stand twice in a batch.
fn cost_so_far(
    counts: &impl Counts,
    hits: &[Hit<'_>],
    index: usize,
    first: usize,
    windows: &[Window],
) -> u64 {
    let same_count = |earlier: &usize| {
        counts.entry(first + earlier) == counts.entry(first + index)
            && hits[*earlier].policy.id() == hits[index].policy.id()
    };
    // What refuses in shadow takes nothing.
    let takes = |earlier: &usize| windows[*earlier].is_allowed() || !hits[*earlier].shadow;
    (0..index)
        .filter(same_count)
        .filter(takes)
        .fold(hits[index].cost, |sum, earlier| sum.saturating_add(hits[earlier].cost))
}

fn consume(counts: &mut impl Counts, batch: &Batch<'_>, windows: &mut [Window], now: Timestamp) {
    let first = batch.guards.len();
    for (index, hit) in batch.limits.iter().enumerate() {
        windows[index] = counts.hit(first + index, hit.policy, hit.cost, now);
    }
}

fn refuse(counts: &mut impl Counts, batch: &Batch<'_>, windows: &mut [Window], now: Timestamp) {
    let first = batch.guards.len();
    for (index, hit) in batch.limits.iter().enumerate() {
        let refuses = !windows[index].is_allowed() && !hit.shadow;
        if refuses && hit.policy.strategy() == Strategy::FixedWindowElasticExpiry {
            // With what was refused when it was tested; the hit's own cost alone might pass.
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
