//! A refund goes to the window that was charged.

use super::fixture::{Fixture, client, policy};
use crate::storage::{Hit, Refund};

pub(super) async fn run(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (five, scope, other, key) = (policy(5, strategy), fixture.scope(), fixture.scope(), client(1));
        let hit = Hit::new(&scope, &key, &five).cost(2);
        let first = fixture.hit(hit).await;
        let second = fixture.hit(hit).await;
        fixture.refund(hit, &first).await;
        assert_eq!(fixture.left(&[hit]).await, [3], "{strategy}: one of two is refunded");
        if fixture.refunds_exactly(strategy) {
            fixture.refund(hit, &second).await;
            assert_eq!(fixture.left(&[hit]).await, [5], "{strategy}: both are refunded");
            assert_eq!(
                fixture.hit(hit.cost(5)).await.remaining(),
                0,
                "{strategy}: and can be consumed again"
            );
        }

        let untouched = Hit::new(&other, &key, &five).cost(2);
        fixture.refund(untouched, &first).await;
        assert_eq!(fixture.left(&[untouched]).await, [5], "{strategy}: an untouched count is not refunded");

        let nothing: [Refund<'_>; 0] = [];
        fixture.storage.refund(&nothing, super::fixture::START).await.expect("an empty refund succeeds");
    }
}
