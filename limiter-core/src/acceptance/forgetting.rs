//! What is cleared or reset was never there.

use super::bench::{Bench, client, policy};
use crate::storage::Hit;

pub(super) async fn clears(bench: &Bench<'_>) {
    for strategy in bench.strategies() {
        let (one, two) = (policy(1, strategy), policy(2, strategy));
        let (scope, other, key, friend) = (bench.scope(), bench.scope(), client(1), client(2));
        let hits = [
            Hit::new(&scope, &key, &one),
            Hit::new(&scope, &key, &two),
            Hit::new(&other, &key, &one),
            Hit::new(&scope, &friend, &one),
        ];
        for hit in hits {
            assert!(bench.hit(hit).await.is_allowed(), "{strategy}");
        }
        clear(bench, &hits[..1]).await;
        assert_eq!(bench.left(&hits).await, [1, 1, 0, 0], "{strategy}: only what was named");
        clear(bench, &hits[1..3]).await;
        assert_eq!(bench.left(&hits).await, [1, 2, 1, 0], "{strategy}: several at once");
        clear(bench, &hits[..3]).await;
        clear(bench, &[]).await;
        assert!(bench.hit(hits[0]).await.is_allowed(), "{strategy}: it begins anew");
    }
}

async fn clear(bench: &Bench<'_>, hits: &[Hit<'_>]) {
    bench.storage.clear(hits).await.expect("the storage clears");
}

pub(super) async fn resets(bench: &Bench<'_>) {
    let (scope, key) = (bench.scope(), client(1));
    let policies: Vec<_> = bench.strategies().map(|strategy| policy(3, strategy)).collect();
    let others: Vec<_> = (100..1600).map(client).collect();
    let of_key = policies.iter().map(|policy| Hit::new(&scope, &key, policy));
    let of_others = others.iter().map(|other| Hit::new(&scope, other, &policies[0]));
    let hits: Vec<_> = of_key.chain(of_others).collect();
    for hit in &hits {
        assert!(bench.hit(*hit).await.is_allowed());
    }
    for _ in 0..2 {
        bench.storage.reset().await.expect("the storage forgets everything");
        assert!(bench.left(&hits).await.iter().all(|left| *left == 3), "a count is left after a reset");
    }
}
