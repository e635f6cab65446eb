//! On a replica set, whose primary may change.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    acceptance::{self, Time},
    storage::{Batch, Hit, MongoStorage, Storage},
};
use mongodb::bson::doc;
use tokio::time::sleep;

use crate::{
    client::{Client, in_time},
    server::{ServerExt, Set},
};

#[tokio::test]
async fn keeps_its_promises_while_the_primary_steps_down() {
    let set = Set::start().await;
    let storage = set.storage().obey_caller();
    let resolution = Duration::from_millis(1);
    let step_down = async {
        let counts = set[set.primary().await].counts().await;
        while counts.count_documents(doc! {}).await.unwrap() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
        sleep(Duration::from_secs(1)).await;
        set.step_down().await
    };
    let (first, ()) = tokio::join!(step_down, acceptance::run(&storage, Time::Callers { resolution }));
    assert_ne!(set.primary().await, first);
}

/// A hit is counted once, whichever primary has heard of it: the driver repeats what it does not know the end of,
/// and the servers know what is repeated.
#[tokio::test]
async fn counts_each_hit_once_while_the_primary_steps_down() {
    let set = Set::start().await;
    let storage = set.storage();
    let (scope, key) = (Scope::new(["steps"]), Key::from("everybody"));
    let policy = Policy::new(Quota::new(1_000_000, 1, Unit::Year), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    let hit_often = async || {
        for _ in 0..100 {
            assert!(storage.decide(&Batch::new(&hits), Timestamp::default()).await.unwrap().is_admitted());
        }
    };
    let (before, ..) = tokio::join!(set.step_down(), hit_often(), hit_often(), hit_often(), hit_often());
    assert_ne!(set.primary().await, before);
    let look = [hits[0].cost(0)];
    let left =
        storage.decide(&Batch::new(&look), Timestamp::default()).await.unwrap().limits()[0].remaining();
    assert_eq!(1_000_000 - left, 400);
}

#[tokio::test]
async fn finds_the_next_primary() {
    let set = Set::start().await;
    let client = Client::new(MongoStorage::builder(&set.uri()).majority(true).build().unwrap());
    warm(&client).await;
    let used = client.used().await;
    set.step_down().await;
    let mut failed = 0;
    while in_time(client.hit()).await.is_err() {
        failed += 1;
        client.recover().await;
    }
    let now = client.used().await;
    assert!((used + 1..=used + 1 + failed).contains(&now), "{used}, {failed} failed: {now}");
}

#[tokio::test]
async fn survives_the_death_of_the_primary() {
    let mut set = Set::start().await;
    let client = Client::new(MongoStorage::builder(&set.uri()).majority(true).build().unwrap());
    warm(&client).await;
    let used = client.used().await;
    let primary = set.primary().await;
    set[primary].kill();
    let mut failed = 0;
    while in_time(client.hit()).await.is_err() {
        failed += 1;
        client.recover().await;
    }
    let now = client.used().await;
    assert!((used + 1..=used + 1 + failed).contains(&now), "what a majority has is not lost: {used}, {now}");
}

/// The first request may come before the driver has found the primary.
async fn warm(client: &Client<MongoStorage>) {
    while client.hit().await.is_err() {
        client.recover().await;
    }
}
