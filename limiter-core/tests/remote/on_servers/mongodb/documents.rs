//! The documents on the server: their names, lifetimes and contents.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy,
    storage::{Batch, Hit, MongoStorage, Refund, Storage},
};
use limiter_test_servers::Mongo;
use mongodb::bson::DateTime;

use crate::{NOON, on_servers::mongodb::server::Administered, server::Server, suite::database::spend};

fn scope() -> Scope {
    Scope::new(["/users/{id}.json", "GET"])
}

#[tokio::test]
async fn one_document_for_each_client() {
    let server = Mongo::start();
    let storage = server.storage();
    let key = Key::text("user", "alice-the-secret");
    assert_eq!(spend(&storage, &scope(), &key, Quota::per_minute(5), NOON).await, [true; 6]);
    let documents = server.documents().await;
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
    let server = Mongo::removing_expired();
    let storage = server.storage();
    assert_eq!(spend(&storage, &scope(), &Key::from("a"), Quota::per_second(5), NOON).await.len(), 6);
    assert_eq!(spend(&storage, &scope(), &Key::from("b"), Quota::per_hour(5), NOON).await, [true; 6]);
    storage.probe().await.unwrap();
    let start = std::time::Instant::now();
    loop {
        let names = server.counts().await.list_index_names().await.unwrap();
        let left = server.documents().await;
        if names.contains(&"e_1".to_owned()) && left.len() == 1 {
            assert!(left[0].get_datetime("e").unwrap() > &DateTime::now());
            return;
        }
        // Buckets of 20 at 5 a second are full after 4 seconds, and the server looks every second.
        assert!(start.elapsed() < Duration::from_secs(60), "{names:?} {left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Expired counts leave the document of a client that goes on.
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
    assert_eq!(server.documents().await[0].get_document("c").unwrap().len(), 1);
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
    let document = &server.documents().await[0];
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
    let bytes = server.documents().await[0].to_vec().unwrap().len();
    assert!(bytes * MongoStorage::MAX_COUNTS_OF_CLIENT < 8 << 20, "{bytes}");
}

#[tokio::test]
async fn clients_of_any_name_are_limited() {
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
async fn counts_go_to_the_named_database_and_collection() {
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
