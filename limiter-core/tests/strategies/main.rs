//! The strategies, driven through the memory storage: recorded runs, naive models and properties.

use limiter_core::{
    Key, Policy, Scope, Timestamp, Window,
    storage::{Batch, Hit, MemoryStorage, Refund, Storage},
};
use proptest::test_runner::{Config, FileFailurePersistence};

#[cfg(feature = "time-zones")]
mod calendar;
mod extremes;
mod metered;
mod model;
mod naive;
mod refund;
mod vectors;

/// One count in a storage of its own. Times are nanoseconds since the epoch.
struct Counter {
    storage: MemoryStorage,
    scope: Scope,
    key: Key,
    policy: Policy,
}

impl Counter {
    fn new(policy: &Policy) -> Self {
        Self {
            storage: MemoryStorage::with_capacity(1),
            scope: Scope::new(["test"]),
            key: Key::from("alice"),
            policy: policy.clone(),
        }
    }

    fn hit(&self, cost: u64, at: u64) -> Window {
        let hits = [self.of(cost)];
        let decision = self.storage.decide(&Batch::new(&hits), Timestamp::from_nanos(at));
        assert_eq!(decision.is_admitted(), decision.limits()[0].is_allowed());
        decision.limits()[0]
    }

    /// Takes a cost whether it passes or not.
    fn charge(&self, cost: u64, at: u64) -> Window {
        let policy = self.policy.charging();
        let hits = [Hit::new(&self.scope, &self.key, &policy).cost(cost)];
        self.storage.decide(&Batch::new(&hits), Timestamp::from_nanos(at)).limits()[0]
    }

    fn test(&self, cost: u64, at: u64) -> Window {
        let hits = [self.of(cost)];
        let decision = self.storage.decide(&Batch::test(&hits), Timestamp::from_nanos(at));
        assert_eq!(decision.is_admitted(), decision.guards()[0].is_allowed());
        decision.guards()[0]
    }

    fn refund(&self, cost: u64, taken: &Window, at: u64) {
        let given = [Refund::new(self.of(cost), taken)];
        let _ready = self.storage.refund(&given, Timestamp::from_nanos(at));
    }

    fn of(&self, cost: u64) -> Hit<'_> {
        Hit::new(&self.scope, &self.key, &self.policy).cost(cost)
    }
}

/// Runs so many cases, after those of the `.proptest-regressions` file beside the test.
fn cases(cases: u32) -> Config {
    let beside = FileFailurePersistence::WithSource("proptest-regressions");
    Config { cases, ..Config::with_failure_persistence(beside) }
}

fn nanos(duration: std::time::Duration) -> u64 {
    duration.as_nanos().try_into().expect("a wait of less than 500 years")
}
