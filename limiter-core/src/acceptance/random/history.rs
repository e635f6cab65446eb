use std::time::Duration;

use super::{STEPS, compare, policies};
use crate::{
    Key, Policy, Scope, Strategy, Timestamp, Window,
    acceptance::{
        Time,
        bench::{Bench, START, client},
        dice::Dice,
    },
    storage::{Batch, Hit, MemoryStorage, Refund, Storage},
};

/// Storages need not know times after the year 2100.
const END: Timestamp = Timestamp::from_millis(4_100_000_000_000);

/// One count.
pub(super) struct History<'a> {
    bench: &'a Bench<'a>,
    memory: MemoryStorage,
    scope: Scope,
    key: Key,
    policy: Policy,
    dice: Dice,
    now: Timestamp,
    /// What can be given back: the cost, and the reports of memory and of the storage.
    taken: Vec<(u64, Window, Window)>,
}

impl<'a> History<'a> {
    pub(super) fn new(bench: &'a Bench<'a>, strategy: Strategy, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            bench,
            memory: MemoryStorage::new(),
            scope: bench.scope(),
            key: client(seed),
            policy: if seed.is_multiple_of(2) || bench.time == Time::Own {
                policies::usual(bench.time, strategy, &mut dice)
            } else {
                policies::extreme(bench, strategy, &mut dice)
            },
            dice,
            now: START,
            taken: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) {
        for step in 0..STEPS {
            match self.dice.below(10) {
                0..6 => self.hit(step).await,
                6 => self.refund().await,
                _ => self.pass_time(),
            }
        }
    }

    async fn hit(&mut self, step: u64) {
        let cost = self.cost();
        let hits = [Hit::new(&self.scope, &self.key, &self.policy).cost(cost)];
        let expected = self.memory.decide(&Batch::new(&hits), self.now);
        let seen = self.bench.decide_at(&Batch::new(&hits), self.now).await;
        let said = format!("step {step}, cost {cost} at {:?}: {:?}", self.now, self.policy);
        compare(self.bench, &seen, &expected, &said);
        if expected.is_admitted() && cost > 0 {
            self.taken.push((cost, expected.limits()[0], seen.limits()[0]));
        }
    }

    /// Often at the edge of what passes.
    fn cost(&mut self) -> u64 {
        let most = self.policy.capacity();
        let look = [Hit::new(&self.scope, &self.key, &self.policy).cost(0)];
        let left = || self.memory.decide(&Batch::test(&look), self.now).guards()[0].remaining();
        match self.dice.below(12) {
            0 => most,
            1 => most / 2 + 1,
            2 => self.dice.below(most + 2),
            3 => left(),
            4 | 5 => left() + 1,
            _ => self.dice.below(most.min(5) + 2),
        }
    }

    async fn refund(&mut self) {
        if self.taken.is_empty() || !self.bench.is_exact_about_returns(self.policy.strategy()) {
            return;
        }
        let which = self.dice.index(self.taken.len());
        let (cost, expected, seen) = self.taken.swap_remove(which);
        let hit = Hit::new(&self.scope, &self.key, &self.policy).cost(cost);
        drop(self.memory.refund(&[Refund::new(hit, &expected)], self.now));
        let taken = [Refund::new(hit, &seen)];
        self.bench.storage.refund(&taken, self.now).await.expect("the storage takes back");
    }

    /// Mostly forward.
    fn pass_time(&mut self) {
        if self.bench.time == Time::Own || self.now > END {
            return;
        }
        let window = self.policy.quota().window_seconds() * 1000;
        let millis = match self.dice.below(8) {
            0 => 1,
            1 => window,
            2 => 2 * window,
            3 => self.dice.below(3 * window),
            _ => self.dice.below(window / 4 + 2),
        };
        self.now = if self.dice.below(12) == 0 {
            Timestamp::from_nanos(self.now.as_nanos() - self.dice.below(1000) * 1_000_000)
        } else {
            self.now.after(Duration::from_millis(millis))
        };
    }
}
