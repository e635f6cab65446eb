//! Costs at the edge of what passes, with numbers too large for floats.

use std::time::Duration;

use super::{
    fixture::{Fixture, START, client},
    rng::SplitMix64,
    time::Time,
};
use crate::{
    Policy, Quota, Timestamp, Unit,
    storage::{Batch, Hit, MemoryStorage},
};

/// So large that its product with a window exceeds the precision of a float.
const AMOUNT: u64 = Quota::MAX_AMOUNT - 17;

/// The number of instants that are tested after the first hit.
const LOOKS: usize = 60;

pub(super) async fn run(fixture: &Fixture<'_>) {
    if fixture.time == Time::Own {
        return;
    }
    for strategy in fixture.strategies() {
        // A server removes the count of a shorter window while a busy machine still looks at it.
        for (multiple, unit) in [(1, Unit::Minute), (7, Unit::Day), (1, Unit::Year)] {
            let policy = Policy::new(Quota::new(AMOUNT, multiple, unit), strategy);
            if fixture.storage.check(&policy).is_ok() {
                exactly_the_rest_passes(fixture, &policy).await;
            }
        }
    }
}

async fn exactly_the_rest_passes(fixture: &Fixture<'_>, policy: &Policy) {
    let (memory, mut rng) = (MemoryStorage::new(), SplitMix64::new(7));
    let (scope, key) = (fixture.scope(), client(1));
    let hit = Hit::new(&scope, &key, policy);
    let all = [hit.cost(AMOUNT - rng.below(1000))];
    assert!(memory.decide(&Batch::new(&all), START).is_admitted());
    assert!(fixture.decide_at(&Batch::new(&all), START).await.is_admitted());
    for _ in 0..LOOKS {
        let now = later(policy, &mut rng);
        let left = memory.decide(&Batch::test(&[hit.cost(0)]), now).guards()[0].remaining();
        for (cost, passes) in [(left, true), (left + 1, false)] {
            let look = [hit.cost(cost)];
            let decision = fixture.decide_at(&Batch::test(&look), now).await;
            assert_eq!(decision.is_admitted(), passes, "{cost} of {left} at {now:?}: {policy:?}");
        }
    }
}

/// Returns an instant within two windows from the start.
fn later(policy: &Policy, rng: &mut SplitMix64) -> Timestamp {
    let window = policy.quota().window_seconds() * 1000;
    START.after(Duration::from_millis(rng.below(2 * window)))
}
