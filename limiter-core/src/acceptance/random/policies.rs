use std::num::NonZeroU64;

use crate::{
    Policy, Quota, Strategy, Unit,
    acceptance::{
        Time,
        bench::{Bench, policy},
        dice::Dice,
    },
};

/// Small amounts, so that much is refused.
pub(super) fn usual(time: Time, strategy: Strategy, dice: &mut Dice) -> Policy {
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
pub(super) fn extreme(bench: &Bench<'_>, strategy: Strategy, dice: &mut Dice) -> Policy {
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
