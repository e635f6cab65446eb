//! On a replica set, whose primary may change.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    acceptance::{self, Time},
    storage::{Batch, Hit, MongoStorage, Storage},
};

use crate::{client::Client, on_servers::mongodb::server::Set};

/// The same storage before and after: its first hit after the step-down finds the next primary by itself.
#[tokio::test]
async fn passes_the_tests_of_all_storages_when_the_primary_steps_down() {
    let set = Set::start().await;
    let storage = set.storage().use_caller_clock();
    let (scope, key) = (Scope::new(["before"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_hour(5), Strategy::FixedWindow);
    let hit = [Hit::new(&scope, &key, &policy)];
    let decision = storage.decide(&Batch::new(&hit), Timestamp::default()).await;
    assert!(decision.expect("an answer of the first primary").is_admitted());
    let first = set.step_down().await;
    acceptance::run(&storage, Time::Callers { resolution: Duration::from_millis(1) }).await;
    assert_ne!(set.primary().await, first);
}

/// A hit is counted once, whichever primary has heard of it: the driver repeats once what it does not know the end
/// of, and the servers know what is repeated.
#[tokio::test]
async fn no_hit_counts_twice_while_the_primary_steps_down() {
    let set = Set::start().await;
    let storage = set.storage();
    let (scope, key) = (Scope::new(["steps"]), Key::from("everybody"));
    let policy = Policy::new(Quota::new(1_000_000, 1, Unit::Year), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    let hit_often = async || {
        let mut answered = 0;
        for _ in 0..100 {
            let decision = storage.decide(&Batch::new(&hits), Timestamp::default()).await;
            answered += u64::from(decision.is_ok_and(|decision| decision.is_admitted()));
        }
        answered
    };
    let (before, a, b, c, d) =
        tokio::join!(set.step_down(), hit_often(), hit_often(), hit_often(), hit_often());
    assert_ne!(set.primary().await, before);
    let look = [hits[0].cost(0)];
    let left =
        storage.decide(&Batch::new(&look), Timestamp::default()).await.unwrap().limits()[0].remaining();
    let (answered, used) = (a + b + c + d, 1_000_000 - left);
    assert!((answered..=400).contains(&used), "{answered} were answered and {used} counted");
    assert!(answered >= 350, "{answered} of 400: most are answered all the same");
}

#[tokio::test]
async fn the_storage_finds_the_next_primary() {
    let set = Set::start().await;
    let client = Client::new(MongoStorage::builder(&set.uri()).majority(true).build().unwrap());
    warm(&client).await;
    let used = client.used().await;
    set.step_down().await;
    let failed = hit_next_primary(&client).await;
    let now = client.used().await;
    assert!((used + 1..=used + 1 + failed).contains(&now), "{used}, {failed} failed: {now}");
}

#[tokio::test]
async fn counts_survive_the_death_of_the_primary() {
    let mut set = Set::start().await;
    let client = Client::new(MongoStorage::builder(&set.uri()).majority(true).build().unwrap());
    warm(&client).await;
    let used = client.used().await;
    let primary = set.primary().await;
    set[primary].kill();
    assert!(client.try_hit().await.is_err(), "there is no primary");
    set.elect((primary + 1) % 3).await;
    let failed = 1 + hit_next_primary(&client).await;
    let now = client.used().await;
    assert!((used + 1..=used + 1 + failed).contains(&now), "what a majority has is not lost: {used}, {now}");
}

/// Hits until the next primary has answered; returns how many hits have failed before.
async fn hit_next_primary(client: &Client<MongoStorage>) -> u64 {
    let mut failed = 0;
    // The first one must not wait for an election.
    let mut answer = client.try_hit().await;
    while answer.is_err() {
        failed += 1;
        client.recover().await;
        answer = client.hit().await;
    }
    failed
}

/// The first request may come before the driver has found the primary.
async fn warm(client: &Client<MongoStorage>) {
    while client.hit().await.is_err() {
        client.recover().await;
    }
}
