use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::time::Time;
use crate::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit, Window,
    storage::{Batch, Decision, Hit, Refund, Storage},
};

/// A storage under test, with scopes of its own.
pub(super) struct Fixture<'a> {
    pub(super) storage: &'a dyn Storage,
    pub(super) time: Time,
    /// The first part of all scopes, unique for each run.
    name: String,
    scopes: AtomicU64,
}

impl<'a> Fixture<'a> {
    pub(super) fn new(storage: &'a dyn Storage, time: Time) -> Self {
        let name = format!("acceptance-{:016x}", RandomState::new().hash_one(0));
        Self { storage, time, name, scopes: AtomicU64::new(0) }
    }

    /// Returns a scope that no test has used.
    pub(super) fn scope(&self) -> Scope {
        let number = self.scopes.fetch_add(1, Ordering::Relaxed);
        Scope::new([&self.name, &number.to_string()])
    }

    /// Returns a name that no test has used.
    pub(super) fn unique_name(&self) -> String {
        format!("{}-{}", self.name, self.scopes.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the strategies that the storage supports.
    pub(super) fn strategies(&self) -> impl Iterator<Item = Strategy> {
        let has = |strategy: &Strategy| self.storage.check(&policy(1, *strategy)).is_ok();
        Strategy::ALL.into_iter().filter(has)
    }

    pub(super) fn has(&self, strategy: Strategy) -> bool {
        self.strategies().any(|other| other == strategy)
    }

    /// Returns whether a refund restores exactly the cost of the hit. A token bucket is refunded only the part
    /// that time has not refilled, so with a running clock it may have a little less.
    pub(super) fn refunds_exactly(&self, strategy: Strategy) -> bool {
        self.time != Time::Own || strategy != Strategy::TokenBucket
    }

    pub(super) async fn decide(&self, batch: &Batch<'_>) -> Decision {
        self.decide_at(batch, START).await
    }

    pub(super) async fn decide_at(&self, batch: &Batch<'_>, now: Timestamp) -> Decision {
        self.storage.decide(batch, now).await.expect("the storage decides")
    }

    /// Hits one limit and returns its report.
    pub(super) async fn hit(&self, hit: Hit<'_>) -> Window {
        let decision = self.decide(&Batch::new(&[hit])).await;
        assert_eq!(
            decision.is_admitted(),
            decision.limits()[0].is_allowed(),
            "a batch of one limit: {hit:?}"
        );
        decision.limits()[0]
    }

    /// Returns the remaining amount of each hit's count.
    pub(super) async fn left(&self, hits: &[Hit<'_>]) -> Vec<u64> {
        let looks: Vec<_> = hits.iter().map(|hit| hit.cost(0)).collect();
        let decision = self.decide(&Batch::test(&looks)).await;
        decision.guards().iter().map(Window::remaining).collect()
    }

    pub(super) async fn refund(&self, hit: Hit<'_>, taken: &Window) {
        let refunds = [Refund::new(hit, taken)];
        self.storage.refund(&refunds, START).await.expect("the storage refunds");
    }

    /// Returns the part of a report that must agree with the memory storage's. Times are rounded up to the
    /// resolution, and left out if the storage has a clock of its own.
    pub(super) fn comparable(&self, window: &Window) -> (bool, u64, u64, Option<(u128, Option<u128>)>) {
        let times = match self.time {
            Time::Own => None,
            Time::Callers { resolution } => {
                let round = |duration: Duration| duration.as_nanos().div_ceil(resolution.as_nanos());
                Some((round(window.reset()), window.retry_after().map(round)))
            }
        };
        (window.is_allowed(), window.limit(), window.remaining(), times)
    }
}

/// The time of all tests that need none to pass. It lies inside a window of every length that the tests use.
pub(super) const START: Timestamp = Timestamp::from_millis(1_750_000_015_500);

/// Returns a policy of `amount` per year, so that the time a test takes does not matter.
pub(super) fn policy(amount: u64, strategy: Strategy) -> Policy {
    Policy::new(Quota::new(amount, 1, Unit::Year), strategy)
}

pub(super) fn client(number: u64) -> Key {
    Key::text("client", number.to_string())
}
