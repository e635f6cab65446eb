//! Each strategy against its naive model.

use limiter_core::{Policy, Quota, Strategy, Unit, Window};
use proptest::{prelude::*, strategy::Strategy as Generate};

use crate::{Counter, cases, naive::Naive, nanos};

const SECOND: u64 = 1_000_000_000;
/// Not on the edge of any window.
pub(crate) const START: u64 = 1_767_225_600 * SECOND + 123_456_789;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// At the present time.
    Hit(u64),
    /// Some time before the present one, as seen by a thread that was held up.
    LateHit(u64, u64),
    Look(u64),
    Advance(u64),
    /// To the exact end of the last reported wait or reset, or this much beyond it.
    AdvanceToEdge(bool, u64),
}

pub(crate) fn small_policy(strategies: &'static [Strategy]) -> impl Generate<Value = Policy> {
    let quota = (0..12_u64, 1..4_u32, prop::sample::select(&[Unit::Second, Unit::Minute]));
    (quota, prop::sample::select(strategies), 1..20_u64).prop_map(
        |((amount, multiple, unit), strategy, burst)| {
            let policy = Policy::new(Quota::new(amount, multiple, unit), strategy);
            match std::num::NonZeroU64::new(burst - burst % 2) {
                Some(burst) if strategy == Strategy::TokenBucket => policy.with_burst(burst).unwrap(),
                _ => policy,
            }
        },
    )
}

fn step() -> impl Generate<Value = Step> {
    let cost = prop_oneof![8 => 1..4_u64, 1 => Just(0), 1 => 0..25_u64];
    prop_oneof![
        6 => cost.clone().prop_map(Step::Hit),
        1 => (cost.clone(), 0..90 * SECOND).prop_map(|(cost, late)| Step::LateHit(cost, late)),
        2 => cost.prop_map(Step::Look),
        3 => prop_oneof![0..SECOND, 0..100 * SECOND, Just(SECOND), Just(60 * SECOND)].prop_map(Step::Advance),
        3 => (any::<bool>(), 0..2_u64).prop_map(|(wait, beyond)| Step::AdvanceToEdge(wait, beyond)),
    ]
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn strategies_agree_with_their_naive_models(policy in small_policy(&Strategy::ALL), steps in prop::collection::vec(step(), 1..60)) {
        let counter = Counter::new(&policy);
        let mut naive = Naive::new(&policy);
        let mut now = START;
        let mut last = counter.test(0, now);
        for step in steps {
            match step {
                Step::Hit(cost) => last = check_hit(&counter, &mut naive, cost, now)?,
                Step::LateHit(cost, late) => last = check_hit(&counter, &mut naive, cost, now - late)?,
                Step::Look(cost) => check_look(&counter, &naive, &counter.test(cost, now), cost, now)?,
                Step::Advance(by) => now += by,
                Step::AdvanceToEdge(true, beyond) => now += last.retry_after().map_or(0, nanos) + beyond,
                Step::AdvanceToEdge(false, beyond) => now += nanos(last.reset()) + beyond,
            }
        }
    }
}

pub(crate) fn check_hit(
    counter: &Counter,
    naive: &mut Naive,
    cost: u64,
    at: u64,
) -> Result<Window, TestCaseError> {
    let foreseen = counter.test(cost, at);
    check_look(counter, naive, &foreseen, cost, at)?;
    let seen = counter.hit(cost, at);
    prop_assert_eq!(seen.is_allowed(), foreseen.is_allowed(), "a test foresees the hit");
    prop_assert_eq!(seen.is_allowed(), naive.hit(cost, at));
    check_look(counter, naive, &seen, if seen.is_allowed() { 0 } else { cost }, at)?;
    Ok(seen)
}

/// Checks a report against the naive model, and its waits by waiting.
pub(crate) fn check_look(
    counter: &Counter,
    naive: &Naive,
    seen: &Window,
    cost: u64,
    at: u64,
) -> Result<(), TestCaseError> {
    let now = naive.not_before_newest(at);
    prop_assert_eq!(seen.remaining(), naive.remaining(now));
    prop_assert_eq!(seen.is_allowed(), naive.needed(cost) <= naive.remaining(now));
    prop_assert_eq!(seen.limit(), counter.policy.quota().amount());

    match seen.retry_after().map(nanos) {
        Some(wait) => {
            prop_assert!(wait > 0 && !seen.is_allowed());
            let needed = naive.needed(cost);
            prop_assert!(naive.remaining(now + wait) >= needed && naive.remaining(now + wait - 1) < needed);
            prop_assert!(counter.test(cost, now + wait).is_allowed());
            prop_assert!(!counter.test(cost, now + wait - 1).is_allowed());
        }
        None => prop_assert!(seen.is_allowed() || cost > counter.policy.capacity()),
    }
    check_reset(counter, naive, seen, now)
}

/// The end of the window, the next unit freed or the bucket full, whichever the strategy means.
fn check_reset(counter: &Counter, naive: &Naive, seen: &Window, now: u64) -> Result<(), TestCaseError> {
    let reset = nanos(seen.reset());
    if seen.remaining() == counter.policy.capacity() {
        // A bucket can lack a part of a unit only; then it has all units but is not full.
        prop_assert_eq!(reset, 0);
        return Ok(());
    }
    prop_assert!(reset > 0);
    let (before, after) = (naive.remaining(now + reset - 1), naive.remaining(now + reset));
    match counter.policy.strategy() {
        Strategy::MovingWindow | Strategy::SlidingWindowCounter => {
            // Beyond the amount, a freed unit leaves nothing more.
            let frees = after > before || after == 0 && naive.is_overdrawn(now);
            prop_assert!(before == seen.remaining() && frees);
        }
        _ => prop_assert!(before < after && after == counter.policy.capacity()),
    }
    Ok(())
}

/// Windows start at multiples of their length since the epoch.
#[test]
fn sliding_windows_are_aligned_to_the_epoch() {
    let minute = Policy::new(Quota::per_minute(10), Strategy::SlidingWindowCounter);
    let counter = Counter::new(&minute);
    let edge = 1_767_225_660 * SECOND;
    assert_eq!(counter.hit(10, edge - 1).remaining(), 0);
    // One nanosecond later this is the previous window, still wholly in view.
    assert_eq!(counter.test(1, edge).remaining(), 0);
    assert_eq!(counter.test(1, edge + 1).remaining(), 1);
    assert_eq!(counter.test(1, edge + 30 * SECOND).remaining(), 5);
    assert_eq!(counter.test(1, edge + 60 * SECOND).remaining(), 10);
}
