use std::time::Duration;

use super::{compare::compare, policies};
use crate::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Window,
    acceptance::{
        fixture::{Fixture, START, client},
        rng::SplitMix64,
        time::Time,
    },
    storage::{Batch, Decision, Hit, MemoryStorage, Refund, Storage},
};

/// The number of steps of a history.
const STEPS: u64 = 400;

/// The year 2100: storages need not support later times.
const END: Timestamp = Timestamp::from_millis(4_100_000_000_000);

/// A random history of one count.
pub(super) struct History<'a> {
    fixture: &'a Fixture<'a>,
    memory: MemoryStorage,
    scope: Scope,
    key: Key,
    policy: Policy,
    /// The policies among which the history changes at each step.
    policies: Vec<Policy>,
    rng: SplitMix64,
    now: Timestamp,
    /// Admitted hits that can be refunded: policy and cost, and the reports of the memory storage and of the tested one.
    admitted: Vec<(Policy, u64, Window, Window)>,
}

impl<'a> History<'a> {
    pub(super) fn new(fixture: &'a Fixture<'a>, strategy: Strategy, seed: u64) -> Self {
        let mut rng = SplitMix64::new(seed);
        let policy = if seed.is_multiple_of(2) || fixture.time == Time::Own {
            policies::usual(fixture.time, strategy, &mut rng)
        } else {
            policies::extreme(fixture, strategy, &mut rng)
        };
        Self::of(fixture, policy, seed, rng)
    }

    /// Creates a history of windows that end by the calendar.
    pub(super) fn of_calendar(fixture: &'a Fixture<'a>, seed: u64) -> Self {
        let mut rng = SplitMix64::new(seed);
        Self::of(fixture, policies::calendar(&mut rng), seed, rng)
    }

    /// Creates a history in which the amount changes, and the count survives.
    pub(super) fn of_amounts(fixture: &'a Fixture<'a>, strategy: Strategy, seed: u64) -> Self {
        let (mut rng, max) = (SplitMix64::new(seed), [20, 1 << 40][usize::from(seed % 2 == 1)]);
        let max = if strategy == Strategy::MovingWindow { 20 } else { max };
        let policies: Vec<_> = (0..4)
            .map(|_| {
                let quota = match fixture.time {
                    Time::Own => Quota::per_year(rng.below(max)),
                    Time::Callers { .. } => Quota::per_minute(rng.below(max)),
                };
                Policy::new(quota, strategy).with_keep_used(true)
            })
            .collect();
        Self { policies: policies.clone(), ..Self::of(fixture, policies[0].clone(), seed, rng) }
    }

    /// Creates a history of reservations, refunds of a part, and charges.
    pub(super) fn of_usage(fixture: &'a Fixture<'a>, strategy: Strategy, seed: u64) -> Self {
        let mut rng = SplitMix64::new(seed);
        let policy = policies::usual(fixture.time, strategy, &mut rng).with_metered(true);
        Self::of(fixture, policy, seed, rng)
    }

    fn of(fixture: &'a Fixture<'a>, policy: Policy, seed: u64, rng: SplitMix64) -> Self {
        Self {
            fixture,
            memory: MemoryStorage::new(),
            scope: fixture.scope(),
            key: client(seed),
            policy,
            policies: Vec::new(),
            rng,
            now: START,
            admitted: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) {
        for step in 0..STEPS {
            if !self.policies.is_empty() {
                self.policy = self.policies[self.rng.index(self.policies.len())].clone();
            }
            match self.rng.below(10) {
                0 if self.policy.is_metered() => self.charge(step).await,
                0..6 => self.hit(step).await,
                6 => self.refund().await,
                _ => self.pass_time(),
            }
        }
    }

    async fn charge(&mut self, step: u64) {
        let cost = self.rng.below(3 * self.policy.capacity());
        drop(self.decide(&self.policy.charging(), cost, step).await);
    }

    /// Decides a hit here and in memory, and compares the decisions. Returns that of the memory first.
    async fn decide(&self, policy: &Policy, cost: u64, step: u64) -> [Decision; 2] {
        let hits = [Hit::new(&self.scope, &self.key, policy).cost(cost)];
        let expected = self.memory.decide(&Batch::new(&hits), self.now);
        let actual = self.fixture.decide_at(&Batch::new(&hits), self.now).await;
        let context = format!("step {step}, cost {cost} at {:?}: {policy:?}", self.now);
        compare(self.fixture, &actual, &expected, &context);
        [expected, actual]
    }

    async fn hit(&mut self, step: u64) {
        let cost = self.cost();
        let [expected, actual] = self.decide(&self.policy, cost, step).await;
        if expected.is_admitted() && cost > 0 {
            self.admitted.push((self.policy.clone(), cost, expected.limits()[0], actual.limits()[0]));
        }
    }

    /// Returns a random cost, often at the edge of what passes.
    fn cost(&mut self) -> u64 {
        let max = self.policy.capacity();
        let look = [Hit::new(&self.scope, &self.key, &self.policy).cost(0)];
        let left = || self.memory.decide(&Batch::test(&look), self.now).guards()[0].remaining();
        match self.rng.below(12) {
            0 => max,
            1 => max / 2 + 1,
            2 => self.rng.below(max + 2),
            3 => left(),
            4 | 5 => left() + 1,
            _ => self.rng.below(max.min(5) + 2),
        }
    }

    async fn refund(&mut self) {
        if self.admitted.is_empty() || !self.fixture.refunds_exactly(self.policy.strategy()) {
            return;
        }
        let which = self.rng.index(self.admitted.len());
        let (policy, cost, expected, actual) = self.admitted.swap_remove(which);
        let cost = if policy.is_metered() { self.rng.below(cost + 1) } else { cost };
        let hit = Hit::new(&self.scope, &self.key, &policy).cost(cost);
        drop(self.memory.refund(&[Refund::new(hit, &expected)], self.now));
        let refunds = [Refund::new(hit, &actual)];
        self.fixture.storage.refund(&refunds, self.now).await.expect("the storage refunds");
    }

    /// Moves the time, mostly forward.
    fn pass_time(&mut self) {
        if self.fixture.time == Time::Own || self.now > END {
            return;
        }
        let window = self.policy.quota().window_seconds() * 1000;
        let millis = match self.rng.below(8) {
            0 => 1,
            1 => window,
            2 => 2 * window,
            3 => self.rng.below(3 * window),
            _ => self.rng.below(window / 4 + 2),
        };
        self.now = if self.rng.below(12) == 0 {
            Timestamp::from_nanos(self.now.as_nanos() - self.rng.below(1000) * 1_000_000)
        } else {
            self.now.after(Duration::from_millis(millis))
        };
    }
}
