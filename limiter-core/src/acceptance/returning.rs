//! What is given back goes to the window it came from.

use super::bench::{Bench, client, policy};
use crate::storage::{Hit, Refund};

pub(super) async fn run(bench: &Bench<'_>) {
    for strategy in bench.strategies() {
        let (five, scope, other, key) = (policy(5, strategy), bench.scope(), bench.scope(), client(1));
        let hit = Hit::new(&scope, &key, &five).cost(2);
        let first = bench.hit(hit).await;
        let second = bench.hit(hit).await;
        bench.refund(hit, &first).await;
        assert_eq!(bench.left(&[hit]).await, [3], "{strategy}: one of two is back");
        if bench.is_exact_about_returns(strategy) {
            bench.refund(hit, &second).await;
            assert_eq!(bench.left(&[hit]).await, [5], "{strategy}: both are back");
            assert_eq!(bench.hit(hit.cost(5)).await.remaining(), 0, "{strategy}: and can be had again");
        }

        let untouched = Hit::new(&other, &key, &five).cost(2);
        bench.refund(untouched, &first).await;
        assert_eq!(bench.left(&[untouched]).await, [5], "{strategy}: where nothing is, nothing comes back");

        let nothing: [Refund<'_>; 0] = [];
        bench.storage.refund(&nothing, super::bench::START).await.expect("there is nothing to do");
    }
}
