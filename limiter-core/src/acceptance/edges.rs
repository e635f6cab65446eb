//! What passes just so, and what just does not, where numbers are too large for floats.

use std::time::Duration;

use super::{
    Time,
    bench::{Bench, START, client},
    dice::Dice,
};
use crate::{
    Policy, Quota, Timestamp, Unit,
    storage::{Batch, Hit, MemoryStorage},
};

/// More units than a float has digits once they are multiplied with a window.
const AMOUNT: u64 = Quota::MAX_AMOUNT - 17;

/// For how many instants after a full window.
const LOOKS: usize = 60;

pub(super) async fn run(bench: &Bench<'_>) {
    if bench.time == Time::Own {
        return;
    }
    for strategy in bench.strategies() {
        for (multiple, unit) in [(1, Unit::Second), (7, Unit::Day), (1, Unit::Year)] {
            let policy = Policy::new(Quota::new(AMOUNT, multiple, unit), strategy);
            if bench.storage.check(&policy).is_ok() {
                what_is_left_passes(bench, &policy).await;
            }
        }
    }
}

async fn what_is_left_passes(bench: &Bench<'_>, policy: &Policy) {
    let (memory, mut dice) = (MemoryStorage::new(), Dice::new(7));
    let (scope, key) = (bench.scope(), client(1));
    let hit = Hit::new(&scope, &key, policy);
    let all = [hit.cost(AMOUNT - dice.below(1000))];
    assert!(memory.decide(&Batch::new(&all), START).is_admitted());
    assert!(bench.decide_at(&Batch::new(&all), START).await.is_admitted());
    for _ in 0..LOOKS {
        let now = later(policy, &mut dice);
        let left = memory.decide(&Batch::test(&[hit.cost(0)]), now).guards()[0].remaining();
        for (cost, passes) in [(left, true), (left + 1, false)] {
            let look = [hit.cost(cost)];
            let decision = bench.decide_at(&Batch::test(&look), now).await;
            assert_eq!(decision.is_admitted(), passes, "{cost} of {left} at {now:?}: {policy:?}");
        }
    }
}

/// Within two windows from the start.
fn later(policy: &Policy, dice: &mut Dice) -> Timestamp {
    let window = policy.quota().window_seconds() * 1000;
    START.after(Duration::from_millis(dice.below(2 * window)))
}
