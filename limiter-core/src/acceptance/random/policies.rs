use std::num::NonZeroU64;

use crate::{
    Policy, Quota, Strategy, Unit,
    acceptance::{
        fixture::{Fixture, policy},
        rng::SplitMix64,
        time::Time,
    },
};

/// Returns a policy with a small amount, so that many hits are refused.
pub(super) fn usual(time: Time, strategy: Strategy, rng: &mut SplitMix64) -> Policy {
    if time != Time::Own && strategy == Strategy::FixedWindow && rng.below(3) == 0 {
        return calendar(rng);
    }
    let amount = 1 + rng.below(20);
    let policy = match time {
        Time::Own => policy(amount, strategy),
        Time::Callers { .. } => {
            // A server removes the count of a shorter window before a busy machine hits it again.
            let unit = [Unit::Minute, Unit::Hour, Unit::Day, Unit::Year][rng.index(4)];
            // Some of these intervals are no whole microseconds.
            Policy::new(Quota::new(amount, 1 + u32::from(rng.below(2) == 0), unit), strategy)
        }
    };
    match NonZeroU64::new(rng.below(30)) {
        Some(burst) if strategy == Strategy::TokenBucket => policy.with_burst(burst).expect("it fits"),
        _ => policy,
    }
}

/// Returns a policy whose windows end by the calendar. In some zones, the first midnight is near.
pub(super) fn calendar(rng: &mut SplitMix64) -> Policy {
    let units = [Unit::CalendarDay, Unit::CalendarWeek, Unit::CalendarMonth, Unit::CalendarYear];
    let zones = ["UTC", "+08:53", "+08:50", "-14:30", "+05:45"];
    let quota = Quota::new(1 + rng.below(20), 1, units[rng.index(4)]);
    let zone = zones[rng.index(5)].parse().expect("a time zone");
    Policy::new(quota, Strategy::FixedWindow).with_time_zone(zone)
}

/// Returns a policy with an amount, window and burst near the limits of their types.
pub(super) fn extreme(fixture: &Fixture<'_>, strategy: Strategy, rng: &mut SplitMix64) -> Policy {
    let amounts = [1, 997, 10_000, 1_000_000_007, Quota::MAX_AMOUNT - rng.below(1000)];
    let quotas = [(1, Unit::Minute), (7, Unit::Day), (1, Unit::Year), (100, Unit::Year)];
    loop {
        let (multiple, unit) = quotas[rng.index(4)];
        let policy = Policy::new(Quota::new(amounts[rng.index(5)], multiple, unit), strategy);
        let burst = NonZeroU64::new(amounts[rng.index(5)]).filter(|_| strategy == Strategy::TokenBucket);
        let policy = burst.and_then(|burst| policy.clone().with_burst(burst).ok()).unwrap_or(policy);
        if fixture.storage.check(&policy).is_ok() {
            return policy;
        }
    }
}
