//! What is to be done for one request: something of its own that outlives it, when the request gives up.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{failure::Failure, ledger::Ledger};
use crate::{
    Key, Policy, Scope, Timestamp,
    storage::{Batch, Decision, Hit, Refund, Verdict, batch_decision},
};

/// What waits for the outcome.
pub(super) type Outcome = oneshot::Sender<Result<Decision, Failure>>;

/// A batch that is to be decided, or hits that are to be given back.
pub(super) struct Job {
    hits: Vec<Kept>,
    task: Task,
    now: Timestamp,
}

enum Task {
    /// The first of the hits are guards, then come limits, then those on refusal.
    Decide { guards: usize, limits: usize },
    /// The stamps of the hits.
    Refund(Vec<u64>),
}

/// A hit, and the count that it is of.
pub(super) struct Kept {
    /// The key of the count on its server.
    pub(super) name: Arc<str>,
    /// The place of the server among all.
    pub(super) server: usize,
    pub(super) policy: Policy,
    scope: Scope,
    key: Key,
    cost: u64,
    shadow: bool,
    only_after: Option<usize>,
}

impl Kept {
    pub(super) fn new(hit: &Hit<'_>, name: Arc<str>, server: usize) -> Self {
        // Whether it is reserved matters only to those who stand before a storage.
        let Hit { scope, key, policy, cost, shadow, only_after, reserved: _ } = *hit;
        let (scope, key, policy) = (scope.clone(), key.clone(), policy.clone());
        Self { name, server, policy, scope, key, cost, shadow, only_after }
    }

    fn hit(&self) -> Hit<'_> {
        let Self { scope, key, policy, cost, shadow, only_after, .. } = self;
        let hit = Hit::new(scope, key, policy).cost(*cost).shadow(*shadow);
        Hit { only_after: *only_after, ..hit }
    }
}

impl Job {
    pub(super) fn decide(batch: &Batch<'_>, now: Timestamp, keep: impl Fn(&Hit<'_>) -> Kept) -> Self {
        let task = Task::Decide { guards: batch.guards.len(), limits: batch.limits.len() };
        Self { hits: batch.hits().map(keep).collect(), task, now }
    }

    pub(super) fn refund(taken: &[Refund<'_>], now: Timestamp, keep: impl Fn(&Hit<'_>) -> Kept) -> Self {
        let task = Task::Refund(taken.iter().map(|taken| taken.stamp).collect());
        Self { hits: taken.iter().map(|taken| keep(&taken.hit)).collect(), task, now }
    }

    pub(super) fn hits(&self) -> &[Kept] {
        &self.hits
    }

    /// Does it, on copies of the counts. `places` are those of the hits' counts in the ledger.
    pub(super) fn run(&self, ledger: &mut Ledger, places: &[usize]) -> Decision {
        match &self.task {
            Task::Decide { guards, limits } => {
                let hits: Vec<_> = self.hits.iter().map(Kept::hit).collect();
                let (guards, rest) = hits.split_at(*guards);
                let (limits, on_refusal) = rest.split_at(*limits);
                let batch = Batch::new(limits).guards(guards).on_refusal(on_refusal);
                batch_decision::decide_batch(&mut ledger.seen_from(places), &batch, self.now)
            }
            Task::Refund(stamps) => {
                for ((hit, stamp), place) in self.hits.iter().zip(stamps).zip(places) {
                    ledger.refund(*place, hit.cost, *stamp, self.now);
                }
                Decision::new(Verdict::Admitted, [], [])
            }
        }
    }
}
