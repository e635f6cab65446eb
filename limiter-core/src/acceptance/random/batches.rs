use std::time::Duration;

use super::{STEPS, compare, policies};
use crate::{
    acceptance::{
        Time,
        bench::{Bench, START, client},
        dice::Dice,
    },
    storage::{Batch, Hit, MemoryStorage},
};

/// Batches of all kinds over a few counts of several strategies.
pub(super) async fn run(bench: &Bench<'_>, seed: u64) {
    let (memory, mut dice, mut now) = (MemoryStorage::new(), Dice::new(1000 + seed), START);
    let (scopes, keys) = ([bench.scope(), bench.scope()], [client(1), client(2)]);
    let strategies: Vec<_> = bench.strategies().collect();
    let new_policy = |dice: &mut Dice| {
        let strategy = strategies[dice.index(strategies.len())];
        policies::usual(bench.time, strategy, dice)
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
        let found = bench.decide_at(&batch, now).await;
        compare(bench, &found, &expected, &format!("seed {seed}, step {step} at {now:?}: {batch:#?}"));
        if bench.time != Time::Own && dice.below(3) == 0 {
            now = now.after(Duration::from_millis(dice.below(20_000)));
        }
    }
}
