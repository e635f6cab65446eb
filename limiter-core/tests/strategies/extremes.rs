//! The far ends of amounts, windows, costs and times.

use limiter_core::{Policy, Quota, Strategy, Unit};
use proptest::{prelude::*, strategy::Strategy as Generate};

use crate::{Counter, cases, naive::Naive, nanos};

const UNITS: [Unit; 4] = [Unit::Second, Unit::Hour, Unit::Month, Unit::Year];

fn any_policy() -> impl Generate<Value = Policy> {
    let amount =
        prop_oneof![Just(Quota::MAX_AMOUNT), Just(Quota::MAX_AMOUNT - 1), 0..=Quota::MAX_AMOUNT, 0..100_u64];
    let quota = (amount, prop::sample::select(&[1_u32, 7, 100][..]), prop::sample::select(&UNITS));
    (quota, prop::sample::select(&Strategy::ALL)).prop_map(|((amount, multiple, unit), strategy)| {
        Policy::new(Quota::new(amount, multiple, unit), strategy)
    })
}

fn any_time() -> impl Generate<Value = u64> {
    prop_oneof![0..10_u64, u64::MAX - 10..=u64::MAX, any::<u64>(), Just(1_800_000_000_000_000_000)]
}

fn any_cost() -> impl Generate<Value = u64> {
    let most = Quota::MAX_AMOUNT;
    prop_oneof![0..10_u64, most - 2..most + 2, 0..most, Just(u64::MAX), any::<u64>()]
}

proptest! {
    #![proptest_config(cases(1000))]

    /// Tests run with overflow checks: a sum that leaves its range is a panic here.
    #[test]
    fn nothing_overflows(
        policy in any_policy(),
        calls in prop::collection::vec((any_time(), any_cost(), any::<bool>()), 1..12),
    ) {
        let counter = Counter::new(&policy);
        for (at, cost, refund) in calls {
            prop_assert_eq!(counter.test(cost, at).is_allowed(), counter.hit(cost, at).is_allowed());
            let seen = counter.hit(cost, at);
            prop_assert!(seen.remaining() <= policy.capacity());
            prop_assert!(cost <= policy.capacity() || !seen.is_allowed());
            if refund && seen.is_allowed() {
                counter.refund(cost, &seen, at);
            }
        }
    }

    /// As long as time does not reach its end (eleven steps and a wait of two windows here), the largest quotas count
    /// as exactly as small ones.
    #[test]
    fn large_quotas_are_exact(
        policy in any_policy(),
        hits in prop::collection::vec((0..900_000_000_000_000_000_u64, any_cost()), 1..12),
    ) {
        let counter = Counter::new(&policy);
        let mut naive = Naive::new(&policy);
        let mut at = 1_700_000_000_000_000_000;
        for (later, cost) in hits {
            let seen = counter.hit(cost, at);
            prop_assert_eq!(seen.is_allowed(), naive.hit(cost, at));
            prop_assert_eq!(seen.remaining(), naive.remaining(at));
            if let Some(wait) = seen.retry_after().map(nanos) {
                prop_assert!(naive.remaining(at + wait) >= cost && naive.remaining(at + wait - 1) < cost);
            }
            at += later;
        }
    }
}

#[test]
fn windows_of_years() {
    const SECOND: u64 = 1_000_000_000;
    let year = Unit::Year.seconds() * SECOND;
    let now = 1_767_225_600 * SECOND;
    for strategy in Strategy::ALL {
        let counter = Counter::new(&Policy::new(Quota::new(3, 2, Unit::Year), strategy));
        assert_eq!(counter.hit(3, now).remaining(), 0, "{strategy}");
        let refused = counter.test(3, now + year);
        assert!(!refused.is_allowed(), "{strategy}");
        let passes_at = now + year + nanos(refused.retry_after().unwrap());
        assert!(passes_at > now + year + SECOND && passes_at <= now + 4 * year, "{strategy}");
        assert!(!counter.test(3, passes_at - 1).is_allowed(), "{strategy}");
        assert!(counter.hit(3, passes_at).is_allowed(), "{strategy}");
    }
}

#[test]
fn an_amount_of_zero_always_refuses() {
    for strategy in Strategy::ALL {
        let counter = Counter::new(&Policy::new(Quota::per_minute(0), strategy));
        for at in [0, 1_767_225_600_000_000_000, u64::MAX] {
            let refused = counter.hit(1, at);
            assert!(!refused.is_allowed() && refused.retry_after().is_none(), "{strategy}");
            assert!(counter.hit(0, at).is_allowed(), "{strategy}");
        }
        assert!(counter.storage.is_empty(), "{strategy}");
    }
}
