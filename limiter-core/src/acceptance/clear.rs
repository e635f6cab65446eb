//! Counts start from zero after they are cleared or reset.

use super::fixture::{Fixture, client, policy};
use crate::storage::Hit;

pub(super) async fn clears(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (one, two) = (policy(1, strategy), policy(2, strategy));
        let (scope, other, key, friend) = (fixture.scope(), fixture.scope(), client(1), client(2));
        let hits = [
            Hit::new(&scope, &key, &one),
            Hit::new(&scope, &key, &two),
            Hit::new(&other, &key, &one),
            Hit::new(&scope, &friend, &one),
        ];
        for hit in hits {
            assert!(fixture.hit(hit).await.is_allowed(), "{strategy}");
        }
        clear(fixture, &hits[..1]).await;
        assert_eq!(fixture.left(&hits).await, [1, 1, 0, 0], "{strategy}: only the given count");
        clear(fixture, &hits[1..3]).await;
        assert_eq!(fixture.left(&hits).await, [1, 2, 1, 0], "{strategy}: several at once");
        clear(fixture, &hits[..3]).await;
        clear(fixture, &[]).await;
        assert!(fixture.hit(hits[0]).await.is_allowed(), "{strategy}: it starts from zero");
    }
}

async fn clear(fixture: &Fixture<'_>, hits: &[Hit<'_>]) {
    fixture.storage.clear(hits).await.expect("the storage clears");
}

pub(super) async fn resets(fixture: &Fixture<'_>) {
    let (scope, key) = (fixture.scope(), client(1));
    let policies: Vec<_> = fixture.strategies().map(|strategy| policy(3, strategy)).collect();
    let others: Vec<_> = (100..1600).map(client).collect();
    let of_key = policies.iter().map(|policy| Hit::new(&scope, &key, policy));
    let of_others = others.iter().map(|other| Hit::new(&scope, other, &policies[0]));
    let hits: Vec<_> = of_key.chain(of_others).collect();
    for hit in &hits {
        assert!(fixture.hit(*hit).await.is_allowed());
    }
    for _ in 0..2 {
        fixture.storage.reset().await.expect("the storage resets");
        assert!(fixture.left(&hits).await.iter().all(|left| *left == 3), "a count is left after a reset");
    }
}
