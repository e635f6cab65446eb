//! Limits whose usage is known later: reservations, and charges beyond the amount.

use super::fixture::{Fixture, client, policy};
use crate::{
    Policy, Strategy, Window,
    storage::{Batch, Hit, Verdict},
};

pub(super) async fn run(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        passes_while_one_is_left(fixture, strategy).await;
        two_hits_of_a_batch_pass_while_one_is_left(fixture, strategy).await;
        a_test_passes_beside_another_limit(fixture, strategy).await;
        charges_always_take(fixture, strategy).await;
        has_a_count_of_its_own(fixture, strategy).await;
    }
}

async fn passes_while_one_is_left(fixture: &Fixture<'_>, strategy: Strategy) {
    let ten = policy(10, strategy).with_metered(true);
    let (scope, key) = (fixture.scope(), client(1));
    let hit = Hit::new(&scope, &key, &ten);

    assert_eq!(fixture.hit(hit.cost(9)).await.remaining(), 1, "{strategy}");
    let taken = fixture.hit(hit.cost(8)).await;
    assert!(taken.is_allowed() && taken.remaining() == 0, "{strategy}: one is left: {taken:?}");
    let refused = fixture.hit(hit.cost(8)).await;
    assert!(!refused.is_allowed() && refused.retry_after().is_some(), "{strategy}: {refused:?}");
    assert!(shows_overdrawn(&refused, 7, strategy), "{strategy}: {refused:?}");
    assert!(
        !fixture.hit(hit.cost(11)).await.is_allowed(),
        "{strategy}: a cost above the amount never passes"
    );
    assert!(fixture.hit(hit.cost(0)).await.is_allowed(), "{strategy}: a test passes");

    if fixture.refunds_exactly(strategy) {
        // 17 are taken: 7 beyond the amount.
        fixture.refund(hit.cost(7), &taken).await;
        assert_eq!(
            fixture.left(&[hit]).await,
            [0],
            "{strategy}: what was beyond the amount is refunded first"
        );
        fixture.refund(hit.cost(1), &taken).await;
        assert_eq!(fixture.left(&[hit]).await, [1], "{strategy}: all but the usage is refunded");
        assert!(fixture.hit(hit.cost(8)).await.is_allowed(), "{strategy}: one is left again");
    }
}

/// The defect: such a batch was refused, with windows that allowed it.
async fn two_hits_of_a_batch_pass_while_one_is_left(fixture: &Fixture<'_>, strategy: Strategy) {
    let ten = policy(10, strategy).with_metered(true);
    let (scope, key) = (fixture.scope(), client(1));
    let hit = Hit::new(&scope, &key, &ten);

    assert_eq!(fixture.hit(hit.cost(9)).await.remaining(), 1, "{strategy}");
    let above = fixture.decide(&Batch::new(&[hit.cost(6), hit.cost(6)])).await;
    assert_eq!(above.verdict(), Verdict::Refused, "{strategy}: both are above the amount");
    assert_eq!(fixture.left(&[hit]).await, [1], "{strategy}");
    let both = [hit.cost(5), hit.cost(5)];
    assert!(fixture.decide(&Batch::new(&both)).await.is_admitted(), "{strategy}: one is left");
    assert_eq!(fixture.left(&[hit]).await, [0], "{strategy}");
    let refused = fixture.decide(&Batch::new(&both)).await;
    assert_eq!(refused.verdict(), Verdict::Refused, "{strategy}: nothing is left");
}

/// The defect: MongoDB refused a cost of 0 to a bucket in debt, so that the reply to such a batch was an error.
async fn a_test_passes_beside_another_limit(fixture: &Fixture<'_>, strategy: Strategy) {
    let (ten, other) = (policy(10, strategy).with_metered(true), policy(5, strategy).with_label("other"));
    let (scope, key) = (fixture.scope(), client(1));
    let (hit, beside) = (Hit::new(&scope, &key, &ten), Hit::new(&scope, &key, &other));

    assert!(fixture.hit(hit.cost(9)).await.is_allowed(), "{strategy}");
    assert!(fixture.hit(hit.cost(8)).await.is_allowed(), "{strategy}: one is left");
    let decision = fixture.decide(&Batch::new(&[hit.cost(0), beside])).await;
    assert!(decision.is_admitted(), "{strategy}: a cost of 0 passes, whatever is overdrawn");
    assert_eq!(fixture.left(&[beside]).await, [4], "{strategy}");
}

/// A sliding counter may have begun another window meanwhile, which shows a share of it, and a bucket gains units.
fn shows_overdrawn(refused: &Window, expected: u64, strategy: Strategy) -> bool {
    match strategy {
        Strategy::SlidingWindowCounter | Strategy::TokenBucket => {
            (expected.saturating_sub(1)..=expected).contains(&refused.overdrawn())
        }
        _ => refused.overdrawn() == expected,
    }
}

async fn charges_always_take(fixture: &Fixture<'_>, strategy: Strategy) {
    let ten = policy(10, strategy);
    let charging = ten.charging();
    let (scope, key) = (fixture.scope(), client(1));
    let (hit, charge) = (Hit::new(&scope, &key, &ten), Hit::new(&scope, &key, &charging));

    assert_eq!(fixture.hit(charge.cost(4)).await.remaining(), 6, "{strategy}: as any hit");
    let first = fixture.hit(hit.cost(6)).await;
    for cost in [1, 500, 0] {
        let window = fixture.hit(charge.cost(cost)).await;
        assert!(window.is_allowed() && window.remaining() == 0, "{strategy}: charged {cost}: {window:?}");
    }
    let refused = fixture.hit(hit).await;
    assert!(!refused.is_allowed() && refused.retry_after().is_some(), "{strategy}: {refused:?}");
    let overdrawn = match strategy {
        Strategy::MovingWindow => 0,
        Strategy::TokenBucket => 10,
        _ => 501,
    };
    assert!(shows_overdrawn(&refused, overdrawn, strategy), "{strategy}: {refused:?}");

    // Windows with counters count above the amount, and a bucket goes into debt. A moving window is only full.
    fixture.refund(hit.cost(6), &first).await;
    let left = if strategy == Strategy::MovingWindow { 6 } else { 0 };
    if fixture.refunds_exactly(strategy) {
        assert_eq!(fixture.left(&[hit]).await, [left], "{strategy}");
    }
    fixture.storage.clear(&[hit]).await.expect("the storage clears");
    assert_eq!(fixture.left(&[hit, charge]).await, [10, 10], "{strategy}: one count");
}

async fn has_a_count_of_its_own(fixture: &Fixture<'_>, strategy: Strategy) {
    let five = policy(5, strategy);
    let others: [Policy; 2] = [five.clone().with_metered(true), five.clone().with_label("other")];
    let (scope, key) = (fixture.scope(), client(1));
    assert!(fixture.hit(Hit::new(&scope, &key, &five.charging()).cost(7)).await.is_allowed());
    for other in &others {
        assert_eq!(fixture.left(&[Hit::new(&scope, &key, other)]).await, [5], "{strategy}");
    }
}
