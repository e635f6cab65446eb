//! A count that survives a change of the amount.

use super::fixture::{Fixture, client};
use crate::{Policy, Quota, Strategy, Unit, storage::Hit};

pub(super) async fn run(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies().filter(|strategy| *strategy != Strategy::TokenBucket) {
        survives_a_change(fixture, strategy).await;
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
