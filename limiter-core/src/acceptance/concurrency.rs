//! Concurrent batches are never admitted beyond the quota.

use futures_util::future::join_all;

use super::fixture::{Fixture, client, policy};
use crate::storage::{Batch, Decision, Hit};

/// The quota, and how many batches are decided at once.
const ADMITTED: usize = 20;
const CONCURRENT: usize = 100;

pub(super) async fn run(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        let (key, amount) = (client(1), ADMITTED as u64);
        let (twenty, forty) = (policy(amount, strategy), policy(2 * amount, strategy));
        let scopes = [fixture.scope(), fixture.scope(), fixture.scope()];

        let one = [Hit::new(&scopes[0], &key, &twenty)];
        assert_eq!(admitted(fixture, &one).await, ADMITTED, "{strategy}: of one limit");

        let three = [
            Hit::new(&scopes[1], &key, &twenty),
            Hit::new(&scopes[2], &key, &forty),
            Hit::new(&scopes[0], &key, &forty),
        ];
        assert_eq!(
            admitted(fixture, &three).await,
            ADMITTED,
            "{strategy}: of three limits over three scopes"
        );
        assert_eq!(
            fixture.left(&three).await,
            [0, amount, amount],
            "{strategy}: refused batches consume nothing"
        );
    }
}

/// Returns how many of the concurrent batches are admitted.
async fn admitted(fixture: &Fixture<'_>, hits: &[Hit<'_>]) -> usize {
    let batch = Batch::new(hits);
    let decisions = join_all((0..CONCURRENT).map(|_| fixture.decide(&batch))).await;
    decisions.iter().filter(|decision| Decision::is_admitted(decision)).count()
}
