use std::time::Duration;

use super::{compare::compare, policies};
use crate::{
    acceptance::{
        fixture::{Fixture, START, client},
        rng::SplitMix64,
        time::Time,
    },
    storage::{Batch, Hit, MemoryStorage},
};

/// The number of batches for each seed.
const STEPS: u64 = 200;

/// Decides batches of all kinds over a few counts of several strategies.
pub(super) async fn run(fixture: &Fixture<'_>, seed: u64) {
    let (memory, mut rng, mut now) = (MemoryStorage::new(), SplitMix64::new(1000 + seed), START);
    let (scopes, keys) = ([fixture.scope(), fixture.scope()], [client(1), client(2)]);
    let strategies: Vec<_> = fixture.strategies().collect();
    let new_policy = |rng: &mut SplitMix64| {
        let strategy = strategies[rng.index(strategies.len())];
        policies::usual(fixture.time, strategy, rng)
    };
    let policies: Vec<_> = (0..4).map(|_| new_policy(&mut rng)).collect();
    for step in 0..STEPS {
        let mut some_hits = |max| -> Vec<Hit<'_>> {
            let some_hit = |rng: &mut SplitMix64| {
                let key = &keys[usize::from(rng.below(8) == 0)];
                Hit::new(&scopes[rng.index(2)], key, &policies[rng.index(4)])
                    .cost(rng.below(4))
                    .shadow(rng.below(6) == 0)
            };
            (0..rng.below(max)).map(|_| some_hit(&mut rng)).collect()
        };
        let (guards, limits, mut on_refusal) = (some_hits(3), some_hits(5), some_hits(4));
        for hit in &mut on_refusal {
            hit.only_after = (rng.below(2) == 0).then(|| rng.index(4));
        }
        let batch = Batch::new(&limits).guards(&guards).on_refusal(&on_refusal);
        let expected = memory.decide(&batch, now);
        let actual = fixture.decide_at(&batch, now).await;
        compare(fixture, &actual, &expected, &format!("seed {seed}, step {step} at {now:?}: {batch:#?}"));
        if fixture.time != Time::Own && rng.below(3) == 0 {
            now = now.after(Duration::from_millis(rng.below(20_000)));
        }
    }
}
