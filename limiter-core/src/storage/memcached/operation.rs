use super::{stored_hit::StoredHit, working_set::WorkingSet};
use crate::{
    Timestamp,
    storage::{Batch, Decision, Hit, Refund, Verdict, batch_decision},
};

/// The work of one request. It owns its parts, so that it can go on if the request is dropped.
pub(super) struct Operation {
    hits: Vec<StoredHit>,
    action: Action,
    now: Timestamp,
}

enum Action {
    /// Decides a batch. The first of the hits are guards, then come limits, then hits on refusal.
    Decide { guards: usize, limits: usize },
    /// Refunds the hits, which have these stamps.
    Refund(Vec<u64>),
}

impl Operation {
    /// Creates the decision of a batch. `store` finds the key and the server of each hit.
    pub(super) fn decide(batch: &Batch<'_>, now: Timestamp, store: impl Fn(&Hit<'_>) -> StoredHit) -> Self {
        let action = Action::Decide { guards: batch.guards.len(), limits: batch.limits.len() };
        Self { hits: batch.hits().map(store).collect(), action, now }
    }

    /// Creates the refund of admitted hits. `store` finds the key and the server of each hit.
    pub(super) fn refund(
        refunds: &[Refund<'_>],
        now: Timestamp,
        store: impl Fn(&Hit<'_>) -> StoredHit,
    ) -> Self {
        let action = Action::Refund(refunds.iter().map(|refund| refund.stamp).collect());
        Self { hits: refunds.iter().map(|refund| store(&refund.hit)).collect(), action, now }
    }

    pub(super) fn hits(&self) -> &[StoredHit] {
        &self.hits
    }

    /// Runs on the copies of the counts. `places` are the places of the hits' counts in the working set.
    pub(super) fn run(&self, counts: &mut WorkingSet, places: &[usize]) -> Decision {
        let hits: Vec<_> = self.hits.iter().map(|stored| stored.hit.as_hit()).collect();
        match &self.action {
            Action::Decide { guards, limits } => {
                let (guards, rest) = hits.split_at(*guards);
                let (limits, on_refusal) = rest.split_at(*limits);
                let batch = Batch::new(limits).guards(guards).on_refusal(on_refusal);
                batch_decision::decide_batch(&mut counts.view(places), &batch, self.now)
            }
            Action::Refund(stamps) => {
                for ((hit, stamp), place) in hits.iter().zip(stamps).zip(places) {
                    counts.refund(*place, hit.cost, *stamp, self.now);
                }
                Decision::new(Verdict::Admitted, [], [])
            }
        }
    }
}
