//! Counts of concurrent requests: hits that leave when they are refunded, or when their leases end.

use std::time::Duration;

use super::{
    fixture::{Fixture, START, client},
    rng::SplitMix64,
    time::Time,
};
use crate::{
    Policy, Quota, Strategy, Window,
    storage::{Batch, Hit, Refund, Renewal},
};

const LEASE: Duration = Duration::from_secs(30);

pub(super) async fn run(fixture: &Fixture<'_>) {
    if !fixture.storage.has_leases() {
        let policy = Policy::new(Quota::per_day(1), Strategy::FixedWindow);
        let (scope, key) = (fixture.scope(), client(1));
        let window = fixture.hit(Hit::new(&scope, &key, &policy)).await;
        let refunds = [Refund::new(Hit::new(&scope, &key, &policy), &window)];
        assert!(
            fixture.storage.renew(&refunds, START).await.is_err(),
            "a storage without leases renews none"
        );
        return;
    }
    are_held_and_freed(fixture).await;
    are_decided_with_other_limits(fixture).await;
    if matches!(fixture.time, Time::Callers { .. }) {
        for seed in 0..20 {
            agree_with_a_list(fixture, seed).await;
        }
    }
}

fn policy(amount: u64) -> Policy {
    Policy::new(Quota::concurrent(amount), Strategy::FixedWindow).with_lease(LEASE)
}

async fn are_held_and_freed(fixture: &Fixture<'_>) {
    let (two, three, scope, key) = (policy(2), policy(3), fixture.scope(), client(1));
    let hit = |policy| Hit::new(&scope, &key, policy).reserved(true);
    let taken = [fixture.hit(hit(&two)).await, fixture.hit(hit(&two)).await];
    let refused = fixture.hit(hit(&two)).await;
    assert!(!refused.is_allowed() && refused.remaining() == 0, "{refused:?}");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!(fixture.left(&[hit(&three)]).await, [1], "the count does not depend on the amount");

    let [one, other] = taken.map(|window| Refund::new(hit(&two), &window));
    let renewed = fixture.storage.renew(&[one, other], START).await.expect("the storage renews");
    let [Renewal::Renewed(first), Renewal::Renewed(second)] = renewed[..] else { panic!("{renewed:?}") };
    assert_eq!(fixture.left(&[hit(&three)]).await, [1], "a renewed lease is the same");
    let [mut one, mut other] = [one, other];
    (one.stamp, other.stamp) = (first, second);
    fixture.storage.refund(&[one], START).await.expect("the storage refunds");
    assert_eq!(fixture.left(&[hit(&two)]).await, [1]);
    fixture.storage.clear(&[hit(&two)]).await.expect("the storage clears");
    assert_eq!(fixture.left(&[hit(&two)]).await, [2]);
    let ended = fixture.storage.renew(&[other], START).await.expect("the storage renews");
    assert_eq!(ended, [Renewal::Ended], "a cleared lease");
    assert_eq!(fixture.left(&[hit(&two)]).await, [2], "it does not come back");
    assert_eq!(fixture.storage.renew(&[], START).await.expect("it renews nothing"), []);
}

/// All or nothing, over several clients too.
async fn are_decided_with_other_limits(fixture: &Fixture<'_>) {
    let (concurrent, daily) = (policy(1), Policy::new(Quota::per_year(2), Strategy::FixedWindow));
    for [first, second] in [[1, 1], [1, 2]].map(|clients| clients.map(client)) {
        let scope = fixture.scope();
        let hits = [Hit::new(&scope, &first, &concurrent).reserved(true), Hit::new(&scope, &second, &daily)];
        let decision = fixture.decide(&Batch::new(&hits)).await;
        assert!(decision.is_admitted());
        let refused = fixture.decide(&Batch::new(&hits)).await;
        assert!(!refused.is_admitted());
        assert_eq!(fixture.left(&hits).await, [0, 1], "a refusal takes nothing");
        fixture.refund(hits[0], &decision.limits()[0]).await;
        let again = fixture.decide(&Batch::new(&hits)).await;
        assert!(again.is_admitted());
        fixture.refund(hits[0], &again.limits()[0]).await;
        assert!(!fixture.decide(&Batch::new(&hits)).await.is_admitted());
        assert_eq!(fixture.left(&hits).await, [1, 0], "the other limit refuses, and nothing is held");
    }
}

/// A request under way, as a list has it.
struct Holder {
    /// The end of the lease, in milliseconds since the start.
    end: u64,
    cost: u64,
    stamp: u64,
}

/// Random requests, ends, renewals and waits, compared with a list of what is held.
async fn agree_with_a_list(fixture: &Fixture<'_>, seed: u64) {
    let mut rng = SplitMix64::new(seed);
    let (scope, key, policy) = (fixture.scope(), client(seed), policy(1 + rng.below(5)));
    let lease = u64::try_from(LEASE.as_millis()).expect("it is short");
    let (mut held, mut millis): (Vec<Holder>, u64) = (Vec::new(), 0);
    for step in 0..60 {
        let now = START.after(Duration::from_millis(millis));
        let context = format!("seed {seed}, step {step}, {policy}");
        let hit = |cost| Hit::new(&scope, &key, &policy).cost(cost).reserved(true);
        let refund = |held: &Holder, window: &Window| {
            let mut refund = Refund::new(hit(held.cost), window);
            refund.stamp = held.stamp;
            refund
        };
        let look = fixture.decide_at(&Batch::new(&[hit(0)]), now).await.limits()[0];
        let used: u64 = held.iter().filter(|it| it.end > millis).map(|it| it.cost).sum();
        assert_eq!(look.remaining(), policy.quota().amount() - used, "{context}");
        let any = (!held.is_empty()).then(|| rng.index(held.len().max(1)));
        match (rng.below(8), any) {
            (0..=2, _) => {
                let cost = 1 + rng.below(2);
                let window = fixture.decide_at(&Batch::new(&[hit(cost)]), now).await.limits()[0];
                assert_eq!(window.is_allowed(), used + cost <= policy.quota().amount(), "{context}");
                if window.is_allowed() {
                    let stamp = Refund::new(hit(cost), &window).stamp;
                    held.push(Holder { end: millis + lease, cost, stamp });
                }
            }
            (3 | 4, Some(any)) => {
                let ended = held.swap_remove(any);
                let refunds = [refund(&ended, &look)];
                fixture.storage.refund(&refunds, now).await.expect("the storage refunds");
            }
            (5, Some(any)) => {
                let renewals = fixture.storage.renew(&[refund(&held[any], &look)], now).await;
                match renewals.expect("the storage renews")[..] {
                    [Renewal::Renewed(stamp)] => {
                        assert!(held[any].end > millis, "{context}");
                        (held[any].stamp, held[any].end) = (stamp, millis + lease);
                    }
                    [Renewal::Ended] => {
                        let ended = held.swap_remove(any);
                        assert!(ended.end <= millis, "{context}");
                    }
                    ref other => panic!("{context}: {other:?}"),
                }
            }
            // Often none, so that several requests begin at one instant.
            _ => millis += [0, 1, lease / 3, lease][rng.index(4)],
        }
    }
}
