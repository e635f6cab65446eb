//! What the server may answer instead of deciding, in words for the operator.

use std::{error::Error, time::Duration};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, MongoStorage, Storage},
};
use limiter_test_servers::{Mongo, free_port};
use mongodb::bson::doc;

use crate::mongodb::server::{ServerExt, Set};

/// What is said when the storage is asked, and the cause.
async fn said(storage: &MongoStorage) -> String {
    let (scope, key) = (Scope::new(["refusals"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    let error = storage.decide(&Batch::new(&hits), Timestamp::default()).await.expect_err("it cannot decide");
    let cause = error.source().expect("it has a cause");
    assert!(storage.probe().await.is_err(), "a probe tells so, too");
    format!("{error}: {cause}")
}

async fn says(uri: &str, expected: &str) {
    let storage = MongoStorage::builder(uri).connect_timeout(Duration::from_millis(300)).build().unwrap();
    let said = said(&storage).await;
    assert!(said.contains(expected), "{said}");
}

#[tokio::test]
async fn nobody_listens() {
    says(&format!("mongodb://127.0.0.1:{}", free_port()), "no MongoDB server that takes writes").await;
    says("mongodb://nowhere.invalid", "no MongoDB server that takes writes").await;
}

#[tokio::test]
async fn a_wrong_password_or_none() {
    let server = Mongo::start();
    let user = doc! { "createUser": "me", "pwd": "right", "roles": ["root"] };
    server.admin().await.run_command(user).await.unwrap();
    drop(server);
    let guarded = Mongo::start_with(&["--auth"]);
    // Until there is a user, one may be made from this machine.
    let user = doc! { "createUser": "me", "pwd": "a:b@c/d%", "roles": ["root"] };
    guarded.admin().await.run_command(user).await.unwrap();
    says(&guarded.uri(), "must give a password").await;
    let port = guarded.port();
    says(&format!("mongodb://me:wrong@127.0.0.1:{port}"), "refused the user name or the password").await;
    let storage = MongoStorage::builder(&guarded.uri()).credentials("me", "a:b@c/d%").build().unwrap();
    storage.probe().await.unwrap();
    let uri = format!("mongodb://me:a%3Ab%40c%2Fd%25@127.0.0.1:{port}/shop?authSource=admin");
    MongoStorage::new(&uri).unwrap().probe().await.unwrap();
}

#[tokio::test]
async fn a_secondary() {
    let set = Set::start().await;
    let secondary = (set.primary().await + 1) % 3;
    let uri = format!("{}/?directConnection=true", set[secondary].uri());
    says(&uri, "no primary").await;
}

#[test]
fn what_is_no_address_is_said_without_the_password() {
    for uri in [
        "http://me:secret@127.0.0.1",
        "mongodb:secret",
        "mongodb://me:secret@host:port",
        "",
        "mongodb://me:secret@",
        "mongodb://me:secret:@@host",
        "mongodb+srv://me:secret@cluster.example.com",
        "mongodb://127.0.0.1/?w=0",
        "mongodb://127.0.0.1/?socketTimeoutMS=secret",
    ] {
        let error = MongoStorage::new(uri).unwrap_err();
        let is_secret = uri.contains('@') && format!("{error} {error:?}").contains("secret");
        assert!(!is_secret, "{error:?}");
    }
    let builder = MongoStorage::builder("mongodb://me:secret@127.0.0.1").credentials("me", "secret");
    assert!(!format!("{builder:?}").contains("secret"));
    assert!(!format!("{:?}", builder.build().unwrap()).contains("secret"));
}

#[test]
fn names_are_plain_and_short() {
    for prefix in ["", "{a}", "a b", "a*", &"a".repeat(65)] {
        let error = MongoStorage::builder("mongodb://127.0.0.1").prefix(prefix).build().unwrap_err();
        assert!(error.to_string().contains("prefix"), "{error}");
    }
    for builder in [
        MongoStorage::builder("mongodb://127.0.0.1").database(""),
        MongoStorage::builder("mongodb://127.0.0.1").collection(""),
    ] {
        assert!(builder.build().is_err());
    }
}

#[test]
fn too_long_a_log_is_refused_when_the_limiter_is_built() {
    let storage = MongoStorage::new("mongodb://127.0.0.1").unwrap();
    let policy = |amount| Policy::new(Quota::per_hour(amount), Strategy::MovingWindow);
    assert!(storage.check(&policy(MongoStorage::MAX_MOVING_WINDOW)).is_ok());
    let error = storage.check(&policy(MongoStorage::MAX_MOVING_WINDOW + 1)).unwrap_err();
    assert!(error.to_string().contains("at most 1000"), "{error}");
}
