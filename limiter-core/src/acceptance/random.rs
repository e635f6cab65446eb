//! Long random histories, compared with the memory storage, which runs the pure functions of the strategies.

use super::{fixture::Fixture, time::Time};
use crate::Strategy;

mod batches;
mod compare;
mod history;
mod policies;

use self::history::History;

pub(super) async fn run(fixture: &Fixture<'_>) {
    for strategy in fixture.strategies() {
        for seed in 0..3 {
            History::new(fixture, strategy, seed).run().await;
        }
    }
    for strategy in fixture.strategies().filter(|strategy| *strategy != Strategy::TokenBucket) {
        for seed in 0..4 {
            History::of_amounts(fixture, strategy, seed).run().await;
        }
    }
    for strategy in fixture.strategies() {
        for seed in 0..3 {
            History::of_usage(fixture, strategy, seed).run().await;
        }
    }
    if fixture.time != Time::Own {
        for seed in 0..8 {
            History::of_calendar(fixture, seed).run().await;
        }
    }
    for seed in 0..4 {
        batches::run(fixture, seed).await;
    }
}
