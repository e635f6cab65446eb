//! Long random histories, side by side with the memory storage, which runs the pure functions of the strategies.

use std::{num::NonZeroU64, time::Duration};

use super::{
    Time,
    bench::{Bench, START, client, policy},
};
use crate::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit, Window,
    storage::{Batch, Decision, GiveBack, Hit, MemoryStorage, Storage},
};

mod dice;

use self::dice::Dice;

const STEPS: u64 = 400;

/// Storages need not know times after the year 2100.
const END: Timestamp = Timestamp::from_millis(4_100_000_000_000);

pub(super) async fn run(bench: &Bench<'_>) {
    for strategy in bench.strategies() {
        for seed in 0..6 {
            History::new(bench, strategy, seed).run().await;
        }
    }
    for seed in 0..8 {
        batches(bench, seed).await;
    }
}

/// One count.
struct History<'a> {
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
    fn new(bench: &'a Bench<'a>, strategy: Strategy, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            bench,
            memory: MemoryStorage::new(),
            scope: bench.scope(),
            key: client(seed),
            policy: if seed % 2 == 0 || bench.time == Time::Own {
                some_policy(bench.time, strategy, &mut dice)
            } else {
                some_extreme_policy(bench, strategy, &mut dice)
            },
            dice,
            now: START,
            taken: Vec::new(),
        }
    }

    async fn run(mut self) {
        for step in 0..STEPS {
            match self.dice.below(10) {
                0..6 => self.hit(step).await,
                6 => self.give_back().await,
                _ => self.pass_time(),
            }
        }
    }

    async fn hit(&mut self, step: u64) {
        let most = self.policy.capacity();
        let cost = match self.dice.below(12) {
            0 => most,
            1 => most / 2 + 1,
            2 => self.dice.below(most + 2),
            _ => self.dice.below(most.min(5) + 2),
        };
        let hits = [Hit::new(&self.scope, &self.key, &self.policy).cost(cost)];
        let expected = self.memory.decide(&Batch::new(&hits), self.now);
        let seen = self.bench.decide_at(&Batch::new(&hits), self.now).await;
        let said = format!("step {step}, cost {cost} at {:?}: {:?}", self.now, self.policy);
        compare(self.bench, &seen, &expected, &said);
        if expected.is_admitted() && cost > 0 {
            self.taken.push((cost, expected.limits()[0], seen.limits()[0]));
        }
    }

    async fn give_back(&mut self) {
        if self.taken.is_empty() || !self.bench.is_exact_about_returns(self.policy.strategy()) {
            return;
        }
        let which = self.dice.index(self.taken.len());
        let (cost, expected, seen) = self.taken.swap_remove(which);
        let hit = Hit::new(&self.scope, &self.key, &self.policy).cost(cost);
        drop(self.memory.give_back(&[GiveBack::new(hit, &expected)], self.now));
        let taken = [GiveBack::new(hit, &seen)];
        self.bench.storage.give_back(&taken, self.now).await.expect("the storage takes back");
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

fn some_policy(time: Time, strategy: Strategy, dice: &mut Dice) -> Policy {
    let amount = 1 + dice.below(20);
    let policy = match time {
        Time::Own => policy(amount, strategy),
        Time::Callers { .. } => {
            let unit = [Unit::Second, Unit::Minute, Unit::Hour, Unit::Year][dice.index(4)];
            // Intervals that are no whole microseconds too.
            Policy::new(Quota::new(amount, 1 + u32::from(dice.below(2) == 0), unit), strategy)
        }
    };
    match NonZeroU64::new(dice.below(30)) {
        Some(burst) if strategy == Strategy::TokenBucket => policy.with_burst(burst).expect("it fits"),
        _ => policy,
    }
}

/// Amounts, windows and bursts at the edges of what there is.
fn some_extreme_policy(bench: &Bench<'_>, strategy: Strategy, dice: &mut Dice) -> Policy {
    let amounts = [1, 997, 10_000, 1_000_000_007, Quota::MAX_AMOUNT - dice.below(1000)];
    let quotas = [(1, Unit::Second), (7, Unit::Day), (1, Unit::Year), (100, Unit::Year)];
    loop {
        let (multiple, unit) = quotas[dice.index(4)];
        let policy = Policy::new(Quota::new(amounts[dice.index(5)], multiple, unit), strategy);
        let burst = NonZeroU64::new(amounts[dice.index(5)]).filter(|_| strategy == Strategy::TokenBucket);
        let policy = burst.and_then(|burst| policy.clone().with_burst(burst).ok()).unwrap_or(policy);
        if bench.storage.check(&policy).is_ok() {
            return policy;
        }
    }
}

/// Batches of all kinds over a few counts of several strategies.
async fn batches(bench: &Bench<'_>, seed: u64) {
    let (memory, mut dice, mut now) = (MemoryStorage::new(), Dice::new(1000 + seed), START);
    let (scopes, keys) = ([bench.scope(), bench.scope()], [client(1), client(2)]);
    let strategies: Vec<_> = bench.strategies().collect();
    let new_policy = |dice: &mut Dice| {
        let strategy = strategies[dice.index(strategies.len())];
        some_policy(bench.time, strategy, dice)
    };
    let policies: Vec<_> = (0..4).map(|_| new_policy(&mut dice)).collect();
    for step in 0..STEPS / 2 {
        let mut some_hits = |most| -> Vec<Hit<'_>> {
            let some_hit = |dice: &mut Dice| {
                let key = &keys[usize::from(dice.below(8) == 0)];
                Hit::new(&scopes[dice.index(2)], key, &policies[dice.index(4)])
                    .cost(dice.below(4))
                    .shadow(dice.below(6) == 0)
            };
            (0..dice.below(most)).map(|_| some_hit(&mut dice)).collect()
        };
        let (guards, limits, mut on_refusal) = (some_hits(3), some_hits(5), some_hits(4));
        for hit in &mut on_refusal {
            hit.only_after = (dice.below(2) == 0).then(|| dice.index(4));
        }
        let batch = Batch::new(&limits).guards(&guards).on_refusal(&on_refusal);
        let expected = memory.decide(&batch, now);
        let seen = bench.decide_at(&batch, now).await;
        compare(bench, &seen, &expected, &format!("seed {seed}, step {step} at {now:?}: {batch:#?}"));
        if bench.time != Time::Own && dice.below(3) == 0 {
            now = now.after(Duration::from_millis(dice.below(20_000)));
        }
    }
}

fn compare(bench: &Bench<'_>, seen: &Decision, expected: &Decision, said: &str) {
    assert_eq!(seen.verdict(), expected.verdict(), "{said}");
    for (seen, expected) in [(seen.guards(), expected.guards()), (seen.limits(), expected.limits())] {
        let [seen, expected] = [seen, expected]
            .map(|windows| -> Vec<_> { windows.iter().map(|window| bench.comparable(window)).collect() });
        assert_eq!(seen, expected, "{said}");
    }
}
