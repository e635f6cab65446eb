//! A count that survives a change of the amount.

use super::fixture::{Fixture, client};
use crate::{
    Policy, Quota, Strategy, Unit,
    storage::{Batch, Hit, Refund, Verdict},
};

pub(super) async fn run(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies().filter(|strategy| *strategy != Strategy::TokenBucket) {
        survives_a_change(fixture, strategy).await;
        each_amount_of_a_batch_refuses_by_itself(fixture, strategy).await;
        a_hit_on_refusal_has_its_own_amount(fixture, strategy).await;
    }
}

async fn survives_a_change(fixture: &Fixture<'_>, strategy: Strategy) {
    let policy = |amount| Policy::new(Quota::new(amount, 1, Unit::Year), strategy).with_keep_used(true);
    let [five, ten, four] = [5, 10, 4].map(policy);
    let (scope, key) = (fixture.scope(), client(1));
    let hit = |policy| Hit::new(&scope, &key, policy);

    assert_eq!(fixture.hit(hit(&five).cost(3)).await.remaining(), 2, "{strategy}");
    assert_eq!(fixture.left(&[hit(&ten)]).await, [7], "{strategy}: a larger amount has what is left of it");
    let taken = fixture.hit(hit(&ten).cost(7)).await;
    assert_eq!(taken.remaining(), 0, "{strategy}");

    // Ten of four are used.
    let refused = fixture.hit(hit(&four)).await;
    assert!(!refused.is_allowed() && refused.remaining() == 0, "{strategy}: {refused:?}");
    assert!(refused.retry_after().is_some(), "{strategy}: it will be free again");
    assert!(fixture.hit(hit(&four).cost(0)).await.is_allowed(), "{strategy}: a test passes");
    fixture.refund(hit(&ten).cost(7), &taken).await;
    assert_eq!(fixture.left(&[hit(&four), hit(&five), hit(&ten)]).await, [1, 2, 7], "{strategy}: a refund");

    let others = [
        Policy::new(Quota::new(5, 1, Unit::Year), strategy),
        Policy::new(Quota::new(5, 2, Unit::Year), strategy).with_keep_used(true),
        policy(5).with_label("other"),
    ];
    for other in &others {
        assert_eq!(fixture.left(&[hit(other)]).await, [5], "{strategy}: a count of its own for {other:?}");
    }
    fixture.storage.clear(&[hit(&five)]).await.expect("the storage clears");
    assert_eq!(fixture.left(&[hit(&four), hit(&ten)]).await, [4, 10], "{strategy}: cleared for all amounts");
}

/// The defect: all hits of a batch on one count were decided by the amount of the first.
async fn each_amount_of_a_batch_refuses_by_itself(fixture: &Fixture<'_>, strategy: Strategy) {
    let policy = |amount| Policy::new(Quota::new(amount, 1, Unit::Year), strategy).with_keep_used(true);
    let (three, nine, key) = (policy(3), policy(9), client(1));

    // The smaller amount last: it refuses.
    let scope = fixture.scope();
    let hits = [Hit::new(&scope, &key, &nine), Hit::new(&scope, &key, &three)];
    assert!(fixture.hit(hits[1]).await.is_allowed());
    assert!(fixture.decide(&Batch::new(&hits)).await.is_admitted(), "{strategy}");
    let refused = fixture.decide(&Batch::new(&hits)).await;
    assert_eq!(refused.verdict(), Verdict::Refused, "{strategy}: three of three are used");
    let allowed = [0, 1].map(|at| refused.limits()[at].is_allowed());
    assert_eq!(allowed, [true, false], "{strategy}");

    // The smaller first: the larger has room for what both take.
    let scope = fixture.scope();
    let hits = [Hit::new(&scope, &key, &three), Hit::new(&scope, &key, &nine)];
    assert!(fixture.hit(hits[1].cost(2)).await.is_allowed());
    assert!(fixture.decide(&Batch::new(&hits)).await.is_admitted(), "{strategy}");
    let refused = fixture.decide(&Batch::new(&hits)).await;
    assert_eq!(refused.verdict(), Verdict::Refused, "{strategy}: four of three are used");
    let guarded = fixture.decide(&Batch::new(&hits[1..]).guards(&[hits[0]])).await;
    assert_eq!(guarded.verdict(), Verdict::RefusedByGuard, "{strategy}");
    let in_shadow = [hits[0].shadow(true), hits[1]];
    assert!(fixture.decide(&Batch::new(&in_shadow)).await.is_admitted(), "{strategy}");
    assert_eq!(fixture.left(&hits).await, [0, 4], "{strategy}: what refuses in shadow takes nothing");

    // A cost that only the larger amount has room for, and its refund.
    let scope = fixture.scope();
    let hits = [Hit::new(&scope, &key, &three), Hit::new(&scope, &key, &nine).cost(6)];
    let taken = fixture.decide(&Batch::new(&hits)).await;
    assert!(taken.is_admitted(), "{strategy}");
    assert_eq!(fixture.left(&hits).await, [0, 2], "{strategy}");
    let refunds = [0, 1].map(|at| Refund::new(hits[at], &taken.limits()[at]));
    fixture.storage.refund(&refunds, super::fixture::START).await.expect("the storage refunds");
    assert_eq!(fixture.left(&hits).await, [3, 9], "{strategy}: all is refunded");
}

async fn a_hit_on_refusal_has_its_own_amount(fixture: &Fixture<'_>, strategy: Strategy) {
    let policy = |amount| Policy::new(Quota::new(amount, 1, Unit::Year), strategy).with_keep_used(true);
    let (three, nine, scope, key) = (policy(3), policy(9), fixture.scope(), client(1));
    let (limit, on_refusal) = ([Hit::new(&scope, &key, &three)], [Hit::new(&scope, &key, &nine).cost(5)]);
    assert!(fixture.hit(limit[0].cost(3)).await.is_allowed());
    for _ in 0..2 {
        let refused = fixture.decide(&Batch::new(&limit).on_refusal(&on_refusal)).await;
        assert_eq!(refused.verdict(), Verdict::Refused, "{strategy}");
        assert_eq!(fixture.left(&on_refusal).await, [1], "{strategy}: eight of nine are used");
    }
}
