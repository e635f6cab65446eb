//! A refund goes to the window it came from, or nowhere if that is gone.

use limiter_core::{Policy, Quota, Strategy, Unit, Window};
use proptest::{prelude::*, strategy::Strategy as Generate};

use crate::{
    Counter, cases,
    model::{START, small_policy},
    nanos,
};

const SECOND: u64 = 1_000_000_000;

/// The strategies that know when each unit was taken.
const LOGS: [Strategy; 2] = [Strategy::MovingWindow, Strategy::SlidingWindowCounter];

#[derive(Clone, Copy, Debug)]
enum Step {
    Hit(u64),
    /// One of the admitted hits that were not yet given back, by its number modulo how many there are.
    Refund(usize),
    Advance(u64),
}

fn steps() -> impl Generate<Value = Vec<Step>> {
    steps_of(70 * SECOND)
}

fn steps_of(longest: u64) -> impl Generate<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..5_u64).prop_map(Step::Hit),
        2 => any::<usize>().prop_map(Step::Refund),
        3 => prop_oneof![0..SECOND, 0..longest].prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Clone, Copy, Debug)]
struct Taken {
    at: u64,
    cost: u64,
    window: Window,
}

/// Runs the steps; returns the time at their end and the admitted hits that were kept.
fn run(counter: &Counter, steps: &[Step]) -> (u64, Vec<Taken>) {
    let mut now = START;
    let mut kept: Vec<Taken> = Vec::new();
    for step in steps {
        match *step {
            Step::Hit(cost) => {
                let window = counter.hit(cost, now);
                if window.is_allowed() {
                    kept.push(Taken { at: now, cost, window });
                }
            }
            Step::Refund(which) if !kept.is_empty() => {
                let taken = kept.remove(which % kept.len());
                counter.refund(taken.cost, &taken.window, now);
            }
            Step::Refund(_) => {}
            Step::Advance(by) => now += by,
        }
    }
    (now, kept)
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_refund_leaves_no_trace_in_a_log(policy in small_policy(&LOGS), steps in steps()) {
        let counter = Counter::new(&policy);
        let (now, kept) = run(&counter, &steps);
        let never = Counter::new(&policy);
        for taken in &kept {
            prop_assert!(never.hit(taken.cost, taken.at).is_allowed());
        }
        for later in [0, 1, SECOND, 30 * SECOND, 60 * SECOND, 200 * SECOND] {
            let [seen, expected] = [&counter, &never].map(|it| it.test(1, now + later));
            prop_assert_eq!(seen.remaining(), expected.remaining());
            prop_assert_eq!(seen.retry_after(), expected.retry_after());
        }
    }

    #[test]
    fn a_refund_at_once_undoes_the_hit(policy in small_policy(&Strategy::ALL), steps in steps(), cost in 1..5_u64) {
        // An elastic end has moved, unless there was no window yet.
        let elastic = policy.strategy() == Strategy::FixedWindowElasticExpiry;
        let [counter, never] = [(); 2].map(|()| Counter::new(&policy));
        let (now, _) = run(&counter, &steps);
        let _ = run(&never, &steps);
        let taken = counter.hit(cost, now);
        prop_assume!(taken.is_allowed());
        counter.refund(cost, &taken, now);
        prop_assert_eq!(counter.test(1, now).remaining(), never.test(1, now).remaining());
        if !elastic || never.test(1, now).reset().is_zero() {
            for later in [0, 1, SECOND, 7 * SECOND, 60 * SECOND] {
                let [seen, expected] = [&counter, &never].map(|it| it.test(1, now + later));
                prop_assert_eq!(seen.remaining(), expected.remaining());
                prop_assert_eq!(seen.reset(), expected.reset());
            }
        }
    }

    /// However much is given back and when, what was kept stays within burst + amount * t / window.
    #[test]
    fn refunds_never_make_a_bucket_generous(burst in 1..12_u64, steps in steps_of(5 * SECOND)) {
        let quota = Quota::new(10, 10, Unit::Second);
        let policy = Policy::new(quota, Strategy::TokenBucket);
        let counter = Counter::new(&policy.with_burst(burst.try_into().unwrap()).unwrap());
        let (now, mut kept) = run(&counter, &steps);
        // Takes all there is, so that nothing too much stays unseen.
        let cost = counter.test(0, now).remaining();
        kept.push(Taken { at: now, cost, window: counter.hit(cost, now) });
        for (first, from) in kept.iter().enumerate() {
            let mut sum = 0;
            for until in &kept[first..] {
                sum += until.cost;
                prop_assert!(sum <= burst + (until.at - from.at) / SECOND);
            }
        }
    }

    /// A count never goes above its amount or below what is kept of it.
    #[test]
    fn refunds_never_make_a_window_generous(policy in small_policy(&Strategy::ALL), steps in steps()) {
        let counter = Counter::new(&policy);
        let (now, kept) = run(&counter, &steps);
        let remaining = counter.test(0, now).remaining();
        prop_assert!(remaining <= policy.capacity());
        let at_now: u64 = kept.iter().filter(|taken| taken.at == now).map(|taken| taken.cost).sum();
        prop_assert!(remaining + at_now <= policy.capacity());
    }

    #[test]
    fn a_refund_to_a_window_that_is_gone_goes_nowhere(policy in small_policy(&Strategy::ALL), cost in 1..5_u64) {
        let counter = Counter::new(&policy);
        let old = counter.hit(cost, START);
        prop_assume!(old.is_allowed());
        // After twice the window nothing of the first hit is in view under any strategy; a bucket is full
        // at the latest after the time its burst takes.
        let window = policy.quota().window_seconds() * SECOND;
        let gone = START + (2 * window).max(nanos(old.reset()));
        let new = counter.hit(cost, gone);
        prop_assert!(new.is_allowed());
        counter.refund(cost, &old, gone);
        prop_assert_eq!(counter.test(0, gone).remaining(), new.remaining());
        counter.refund(cost, &new, gone);
        prop_assert_eq!(counter.test(0, gone).remaining(), policy.capacity());
    }
}

/// The defect: a give-back after the end of a window that credits the next one.
#[test]
fn a_refund_to_the_first_window_does_not_credit_the_second() {
    for strategy in Strategy::ALL {
        let counter = Counter::new(&Policy::new(Quota::per_minute(5), strategy));
        let first = counter.hit(5, START);
        let later = START + 120 * SECOND;
        assert!(counter.hit(5, later).is_allowed());
        counter.refund(5, &first, later);
        assert!(!counter.hit(1, later).is_allowed(), "{strategy}");
    }
}

/// A window that was given back whole is as good as none: the next hit starts it.
#[test]
fn a_refund_of_all_ends_a_fixed_window() {
    for strategy in [Strategy::FixedWindow, Strategy::FixedWindowElasticExpiry] {
        let counter = Counter::new(&Policy::new(Quota::per_minute(5), strategy));
        let taken = counter.hit(2, START);
        counter.refund(2, &taken, START + SECOND);
        assert!(counter.test(1, START + SECOND).reset().is_zero());
        assert_eq!(nanos(counter.hit(1, START + 2 * SECOND).reset()), 60 * SECOND);
    }
}
