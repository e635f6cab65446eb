//! Errors of the server instead of a decision, in words for the operator.

use std::time::Duration;

use limiter_core::{
    Policy, Quota, Strategy,
    storage::{MongoStorage, Storage},
};
use limiter_test_servers::{Mongo, free_port};
use mongodb::bson::doc;

use crate::{
    on_servers::mongodb::server::{Administered, Set},
    server::uri,
    suite::refusals::expect_error,
};

async fn expect(uri: &str, expected: &str) {
    let storage = MongoStorage::builder(uri).connect_timeout(Duration::from_millis(300)).build().unwrap();
    expect_error(&storage, expected).await;
}

#[tokio::test]
async fn an_address_without_a_server_is_an_error() {
    expect(&uri::<Mongo>(free_port()), "no MongoDB server that takes writes").await;
    expect("mongodb://nowhere.invalid", "no MongoDB server that takes writes").await;
}

#[tokio::test]
async fn a_wrong_password_or_none_is_an_error() {
    let server = Mongo::start();
    let user = doc! { "createUser": "me", "pwd": "right", "roles": ["root"] };
    server.admin().await.run_command(user).await.unwrap();
    drop(server);
    let guarded = Mongo::start_with(&["--auth"]);
    // Until there is a user, one may be made from this machine.
    let user = doc! { "createUser": "me", "pwd": "a:b@c/d%", "roles": ["root"] };
    guarded.admin().await.run_command(user).await.unwrap();
    expect(&guarded.uri(), "must give a password").await;
    let port = guarded.port();
    expect(&format!("mongodb://me:wrong@127.0.0.1:{port}"), "refused the user name or the password").await;
    let storage = MongoStorage::builder(&guarded.uri()).credentials("me", "a:b@c/d%").build().unwrap();
    storage.probe().await.unwrap();
    let uri = format!("mongodb://me:a%3Ab%40c%2Fd%25@127.0.0.1:{port}/shop?authSource=admin");
    MongoStorage::new(&uri).unwrap().probe().await.unwrap();
}

#[tokio::test]
async fn a_secondary_is_an_error() {
    let set = Set::start().await;
    let secondary = (set.primary().await + 1) % 3;
    let uri = format!("{}/?directConnection=true", set[secondary].uri());
    expect(&uri, "no primary").await;
}

#[test]
fn errors_and_debug_output_hide_the_password() {
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
fn databases_and_collections_need_a_name() {
    for builder in [
        MongoStorage::builder("mongodb://127.0.0.1").database(""),
        MongoStorage::builder("mongodb://127.0.0.1").collection(""),
    ] {
        assert!(builder.build().is_err());
    }
}

#[test]
fn too_long_a_log_is_refused_by_check() {
    let storage = MongoStorage::new("mongodb://127.0.0.1").unwrap();
    let policy = |amount| Policy::new(Quota::per_hour(amount), Strategy::MovingWindow);
    assert!(storage.check(&policy(MongoStorage::MAX_MOVING_WINDOW)).is_ok());
    let error = storage.check(&policy(MongoStorage::MAX_MOVING_WINDOW + 1)).unwrap_err();
    assert!(error.to_string().contains("at most 1000"), "{error}");
}
