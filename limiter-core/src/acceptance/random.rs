//! Long random histories, side by side with the memory storage, which runs the pure functions of the strategies.

use super::bench::Bench;
use crate::storage::Decision;

mod batches;
mod history;
mod policies;

use self::history::History;

const STEPS: u64 = 400;

pub(super) async fn run(bench: &Bench<'_>) {
    for strategy in bench.strategies() {
        for seed in 0..3 {
            History::new(bench, strategy, seed).run().await;
        }
    }
    for seed in 0..4 {
        batches::run(bench, seed).await;
    }
}

fn compare(bench: &Bench<'_>, seen: &Decision, expected: &Decision, said: &str) {
    assert_eq!(seen.verdict(), expected.verdict(), "{said}");
    for (seen, expected) in [(seen.guards(), expected.guards()), (seen.limits(), expected.limits())] {
        let [seen, expected] = [seen, expected]
            .map(|windows| -> Vec<_> { windows.iter().map(|window| bench.comparable(window)).collect() });
        assert_eq!(seen, expected, "{said}");
    }
}
