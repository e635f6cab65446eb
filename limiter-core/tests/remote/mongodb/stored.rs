//! What is stored, and for how long.

use std::{num::NonZeroU64, time::Duration};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, MongoStorage, Refund, Storage},
};
use limiter_test_servers::Mongo;
use mongodb::bson::{DateTime, Document, doc};

use crate::mongodb::server::ServerExt;

const NOON: Timestamp = Timestamp::from_millis(1_750_000_000_000);

/// One for each strategy, and one with a burst.
fn policies(quota: Quota) -> Vec<Policy> {
    let bucket = Policy::new(quota, Strategy::TokenBucket);
    let counters = Strategy::ALL.map(|strategy| Policy::new(quota, strategy));
    counters.into_iter().chain([bucket.with_burst(NonZeroU64::new(20).unwrap()).unwrap()]).collect()
}

/// Spends each policy of a client; tells which were admitted.
async fn spend(storage: &MongoStorage, key: &Key, quota: Quota, now: Timestamp) -> Vec<bool> {
    let scope = Scope::new(["/users/{id}.json", "GET"]);
    let mut admitted = Vec::new();
    for policy in policies(quota) {
        let hits = [Hit::new(&scope, key, &policy).cost(policy.capacity())];
        admitted.push(storage.decide(&Batch::new(&hits), now).await.unwrap().is_admitted());
    }
    admitted
}

async fn documents(server: &Mongo) -> Vec<Document> {
    let mut cursor = server.counts().await.find(doc! {}).await.unwrap();
    let mut documents = Vec::new();
    while cursor.advance().await.unwrap() {
        documents.push(cursor.deserialize_current().unwrap());
    }
    documents
}

#[tokio::test]
async fn one_document_for_each_client() {
    let server = Mongo::start();
    let storage = server.storage();
    let key = Key::text("user", "alice-the-secret");
    assert_eq!(spend(&storage, &key, Quota::per_minute(5), NOON).await, [true; 6]);
    let documents = documents(&server).await;
    assert_eq!(documents.len(), 1);
    let document = &documents[0];
    assert!(document.get_str("_id").unwrap().starts_with("ratelimit:1:user~"), "{document}");
    assert!(!document.to_string().contains("alice"), "{document}");
    let counts = document.get_document("c").unwrap();
    assert_eq!(counts.len(), 6);
    assert!(counts.keys().all(|name| name.starts_with(",/users/{id}%2Ejson,GET:")), "{counts}");
    // A bucket of 20 fills in 4 minutes, a sliding window counts for one more; and a second to spare.
    let rest = document.get_datetime("e").unwrap().timestamp_millis() - DateTime::now().timestamp_millis();
    assert!((200_000..=241_001).contains(&rest), "{rest}");
}

#[tokio::test]
async fn the_server_removes_what_has_expired() {
    let server = Mongo::start();
    let storage = server.storage();
    assert_eq!(spend(&storage, &Key::from("a"), Quota::per_second(5), NOON).await.len(), 6);
    assert_eq!(spend(&storage, &Key::from("b"), Quota::per_hour(5), NOON).await, [true; 6]);
    storage.probe().await.unwrap();
    let start = std::time::Instant::now();
    loop {
        let names = server.counts().await.list_index_names().await.unwrap();
        let left = documents(&server).await;
        if names.contains(&"e_1".to_owned()) && left.len() == 1 {
            assert!(left[0].get_datetime("e").unwrap() > &DateTime::now());
            return;
        }
        // Buckets of 20 at 5 a second are full after 4 seconds, and the server looks every second.
        assert!(start.elapsed() < Duration::from_secs(60), "{names:?} {left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The defect: a count that lost its expiry blocks its client for ever.
#[tokio::test]
async fn a_lost_expiry_heals() {
    let server = Mongo::start();
    let (storage, key) = (server.storage().use_caller_clock(), Key::from("somebody"));
    assert_eq!(spend(&storage, &key, Quota::per_minute(5), NOON).await, [true; 6]);
    server.counts().await.update_many(doc! {}, doc! { "$unset": { "e": 1 } }).await.unwrap();
    let soon = NOON.after(Duration::from_secs(1));
    assert_eq!(spend(&storage, &key, Quota::per_minute(5), soon).await, [false; 6]);
    let later = NOON.after(Duration::from_secs(300));
    assert_eq!(spend(&storage, &key, Quota::per_minute(5), later).await, [true; 6], "its time is over");
    assert!(documents(&server).await[0].get_datetime("e").is_ok());
}

/// What has expired leaves the document of a client that goes on.
#[tokio::test]
async fn documents_do_not_grow_with_time() {
    let server = Mongo::start();
    let (storage, key) = (server.storage().use_caller_clock(), Key::from("somebody"));
    let policy = Policy::new(Quota::per_minute(5), Strategy::MovingWindow);
    for minute in 0..20 {
        let scope = Scope::new([format!("route {minute}")]);
        let hits = [Hit::new(&scope, &key, &policy)];
        let now = NOON.after(Duration::from_secs(60 * minute));
        assert!(storage.decide(&Batch::new(&hits), now).await.unwrap().is_admitted());
    }
    assert_eq!(documents(&server).await[0].get_document("c").unwrap().len(), 1);
    assert_eq!(storage.evictions(), 0);
}

#[tokio::test]
async fn too_many_live_counts_of_a_client_make_way() {
    const MORE: u64 = 10;

    let server = Mongo::start();
    let (storage, key) = (server.storage(), Key::from("somebody"));
    let policy = Policy::new(Quota::per_day(1), Strategy::FixedWindow);
    let scopes: Vec<_> = (0..MongoStorage::MAX_COUNTS_OF_CLIENT as u64 + MORE)
        .map(|number| Scope::new([number.to_string()]))
        .collect();
    let hit = async |scope| {
        let hits = [Hit::new(scope, &key, &policy)];
        storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted()
    };
    for scope in &scopes {
        assert!(hit(scope).await);
    }
    assert_eq!(storage.evictions(), MORE);
    let document = &documents(&server).await[0];
    assert_eq!(document.get_document("c").unwrap().len(), MongoStorage::MAX_COUNTS_OF_CLIENT);
    assert!(!hit(&scopes[scopes.len() - 1]).await, "what came last is still counted");
    assert!(!hit(&scopes[20]).await, "so is what did not have to go");
    assert!(hit(&scopes[0]).await, "what came first has made way");
}

/// With the largest logs, documents stay far below the 16 MB that they may have.
#[tokio::test]
async fn a_full_log_is_small() {
    let server = Mongo::start();
    let (storage, key) = (server.storage().use_caller_clock(), Key::from("somebody"));
    let policy = Policy::new(Quota::per_day(MongoStorage::MAX_MOVING_WINDOW), Strategy::MovingWindow);
    let scope = Scope::new(["log"]);
    let hits = [Hit::new(&scope, &key, &policy)];
    for second in 0..MongoStorage::MAX_MOVING_WINDOW {
        let now = NOON.after(Duration::from_secs(second));
        assert!(storage.decide(&Batch::new(&hits), now).await.unwrap().is_admitted());
    }
    let bytes = documents(&server).await[0].to_vec().unwrap().len();
    assert!(bytes * MongoStorage::MAX_COUNTS_OF_CLIENT < 8 << 20, "{bytes}");
}

#[tokio::test]
async fn keys_of_any_kind_hold() {
    let server = Mongo::start();
    let storage = server.storage();
    let long = "x".repeat(300);
    let keys = [
        Key::text("user", "with spaces and\ttabs"),
        Key::text("user", long.clone()),
        Key::text("user", long + "y"),
        Key::text("user", "n\u{f6}n-\u{e4}sc\u{ef}\u{ef}\u{2603}"),
        Key::text("user", "$$ROOT.$c.\0x"),
        Key::text("user", ""),
    ];
    let scope = Scope::new(["$where", "a.b", "", "\0", "\u{2603} ", &"s".repeat(300)]);
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::per_year(2), strategy).with_label("$x.y \u{2603}");
        for key in &keys {
            let hit = [Hit::new(&scope, key, &policy)];
            let mut left = Vec::new();
            for _ in 0..3 {
                let decision = storage.decide(&Batch::new(&hit), NOON).await.unwrap();
                left.push((decision.is_admitted(), decision.limits()[0].remaining()));
            }
            assert_eq!(left, [(true, 1), (true, 0), (false, 0)], "{key:?}");
        }
        storage.clear(&[Hit::new(&scope, &keys[0], &policy)]).await.unwrap();
        let hit = [Hit::new(&scope, &keys[0], &policy)];
        let decision = storage.decide(&Batch::new(&hit), NOON).await.unwrap();
        assert_eq!(decision.limits()[0].remaining(), 1, "cleared");
        storage.refund(&[Refund::new(hit[0], &decision.limits()[0])], NOON).await.unwrap();
        let look = [hit[0].cost(0)];
        let decision = storage.decide(&Batch::test(&look), NOON).await.unwrap();
        assert!(decision.guards()[0].remaining() >= 1, "given back");
    }
}

#[tokio::test]
async fn a_reset_leaves_other_prefixes_alone() {
    let server = Mongo::start();
    let build = |prefix| MongoStorage::builder(&server.uri()).prefix(prefix).build().unwrap();
    let (ours, theirs) = (build("a-b"), build("a-"));
    let (key, quota) = (Key::from("somebody"), Quota::per_hour(5));
    assert_eq!(spend(&ours, &key, quota, NOON).await, [true; 6]);
    assert_eq!(spend(&theirs, &key, quota, NOON).await, [true; 6], "prefixes are kept apart");
    server.counts().await.insert_one(doc! { "_id": "a-:10:x" }).await.unwrap();
    theirs.reset().await.unwrap();
    assert_eq!(documents(&server).await.len(), 2);
    assert_eq!(spend(&ours, &key, quota, NOON).await, [false; 6]);
}

#[tokio::test]
async fn databases_and_collections_have_names() {
    let server = Mongo::start();
    let uri = format!("{}/shop", server.uri());
    let client = server.admin().await.client().clone();
    MongoStorage::builder(&uri).collection("a.b").build().unwrap().probe().await.unwrap();
    MongoStorage::builder(&uri).database("other").build().unwrap().probe().await.unwrap();
    let names = |database: &str| {
        let database = client.database(database);
        async move { database.list_collection_names().await.unwrap() }
    };
    assert_eq!(names("shop").await, ["a.b"]);
    assert_eq!(names("other").await, ["counts"]);
}
