//! However many ask at once, no more is admitted than is allowed.

use futures_util::future::join_all;

use super::bench::{Bench, client, policy};
use crate::storage::{Batch, Decision, Hit};

/// How many are admitted, and how many ask at once.
const ADMITTED: usize = 20;
const ASKING: usize = 100;

pub(super) async fn run(bench: &Bench<'_>) {
    for strategy in bench.strategies() {
        let (key, amount) = (client(1), ADMITTED as u64);
        let (twenty, forty) = (policy(amount, strategy), policy(2 * amount, strategy));
        let scopes = [bench.scope(), bench.scope(), bench.scope()];

        let one = [Hit::new(&scopes[0], &key, &twenty)];
        assert_eq!(admitted(bench, &one).await, ADMITTED, "{strategy}: of one limit");

        let three = [
            Hit::new(&scopes[1], &key, &twenty),
            Hit::new(&scopes[2], &key, &forty),
            Hit::new(&scopes[0], &key, &forty),
        ];
        assert_eq!(admitted(bench, &three).await, ADMITTED, "{strategy}: of three limits over three scopes");
        assert_eq!(bench.left(&three).await, [0, amount, amount], "{strategy}: refused batches took nothing");
    }
}

async fn admitted(bench: &Bench<'_>, hits: &[Hit<'_>]) -> usize {
    let batch = Batch::new(hits);
    let decisions = join_all((0..ASKING).map(|_| bench.decide(&batch))).await;
    decisions.iter().filter(|decision| Decision::is_admitted(decision)).count()
}
