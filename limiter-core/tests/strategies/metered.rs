//! Metered limits and charges against the naive models.

use limiter_core::{Policy, Quota, Strategy};
use proptest::{prelude::*, strategy::Strategy as Generate};

use crate::{
    Counter, cases,
    model::{START, check_hit, check_look, small_policy},
    naive::Naive,
    nanos,
};

const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Copy, Debug)]
enum Step {
    Hit(u64),
    Charge(u64),
    Advance(u64),
    /// To the exact end of the last reported wait, or this much beyond it.
    Wait(u64),
}

fn step() -> impl Generate<Value = Step> {
    prop_oneof![
        5 => (0..25_u64).prop_map(Step::Hit),
        2 => prop_oneof![0..4_u64, 0..60_u64, Just(1 << 20)].prop_map(Step::Charge),
        3 => prop_oneof![0..SECOND, 0..100 * SECOND, Just(60 * SECOND)].prop_map(Step::Advance),
        2 => (0..2_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn usage_agrees_with_the_naive_models(
        policy in small_policy(&Strategy::ALL),
        metered in any::<bool>(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let policy = policy.with_metered(metered);
        let (counter, mut naive, mut now) = (Counter::new(&policy), Naive::new(&policy), START);
        let mut last = counter.test(0, now);
        for step in steps {
            match step {
                Step::Hit(cost) => last = check_hit(&counter, &mut naive, cost, now)?,
                Step::Charge(cost) => {
                    let window = counter.charge(cost, now);
                    naive.charge(cost, now);
                    prop_assert!(window.is_allowed());
                    prop_assert_eq!(window.remaining(), naive.remaining(now));
                    check_look(&counter, &naive, &counter.test(1, now), 1, now)?;
                }
                Step::Advance(by) => now += by,
                Step::Wait(beyond) => now += last.retry_after().map_or(0, nanos) + beyond,
            }
        }
    }
}

/// 100 requests at once take at most what 99 of them have reserved beyond the amount.
#[test]
fn reservations_exceed_the_amount_by_less_than_the_largest() {
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::per_hour(1000), strategy).with_metered(true);
        let counter = Counter::new(&policy);
        let admitted = (0..100).filter(|_| counter.hit(300, START).is_allowed()).count();
        assert_eq!(admitted, 4, "{strategy}: 1200 of 1000");
    }
}

/// The defect: so large a number does not fit beside the previous one, and looks like another count.
#[test]
fn counts_stay_within_their_numbers() {
    for strategy in Strategy::ALL {
        for amount in [1, 10_000, 1 << 33] {
            let policy = Policy::new(Quota::per_hour(amount), strategy);
            if limiter_core::storage::Storage::check(&Counter::new(&policy).storage, &policy).is_err() {
                continue;
            }
            let counter = Counter::new(&policy);
            for _ in 0..5 {
                assert!(counter.charge(u64::MAX, START).is_allowed());
                let window = counter.hit(1, START);
                assert!(
                    !window.is_allowed() && window.retry_after().is_some(),
                    "{strategy} {amount}: {window:?}"
                );
                assert!(window.retry_after() <= Some(std::time::Duration::from_secs(2 * 3600)), "{window:?}");
            }
        }
    }
}
