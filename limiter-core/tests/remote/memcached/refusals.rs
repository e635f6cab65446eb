//! What the server may answer instead, in words for the operator.

use std::{error::Error, fmt::Write};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, MemcachedStorage, Storage},
};
use limiter_test_servers::{Memcached, free_port};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// What is said when the storage is asked, and the cause.
async fn said(storage: &MemcachedStorage) -> String {
    let (scope, key) = (Scope::new(["refusals"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    let error = storage.decide(&Batch::new(&hits), Timestamp::default()).await.expect_err("it cannot decide");
    let cause = error.source().expect("it has a cause");
    assert!(storage.probe().await.is_err(), "a probe tells so, too");
    assert!(storage.clear(&hits).await.is_err() || cause.to_string().contains("out of memory"));
    format!("{error}: {cause}")
}

async fn says(uri: &str, expected: &str) {
    let said = said(&MemcachedStorage::new(uri).unwrap()).await;
    assert!(said.contains(expected), "{said}");
}

#[tokio::test]
async fn nobody_listens() {
    says(&format!("memcached://127.0.0.1:{}", free_port()), "refused the connection").await;
}

#[tokio::test]
async fn no_such_host() {
    says("memcached://nowhere.invalid", "could not be reached").await;
}

/// Somebody who has but one answer to each connection.
async fn impostor(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("memcached://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut question = [0; 4];
            client.read_exact(&mut question).await.unwrap();
            client.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    uri
}

#[tokio::test]
async fn another_kind_of_server() {
    for answer in ["-ERR unknown command 'mn'\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\x15\x03\x01\r\n"] {
        says(&impostor(answer).await, "is no memcached server").await;
    }
}

#[tokio::test]
async fn a_server_without_meta_commands() {
    says(&impostor("ERROR\r\n").await, "is too old").await;
}

#[tokio::test]
async fn no_memory_left() {
    let server = Memcached::start_with(&["-m", "1", "-I", "512k", "-M"]);
    for length in [1, 20, 60, 100, 150, 200, 300, 400] {
        let mut commands = String::new();
        for key in 0..30_000 {
            write!(commands, "ms {length}-{key} {length} T0 q\r\n{:0length$}\r\n", 0).unwrap();
        }
        // Each that found no room says so.
        server.ask(&(commands + "mn\r\n"), &["MN\r\n"]);
    }
    says(&server.uri(), "no memory left").await;
}

#[test]
fn a_prefix_is_plain_and_short() {
    for prefix in ["", "{a}", "a b", "a*", "a\n", &"a".repeat(65)] {
        let error = MemcachedStorage::builder("memcached://a").prefix(prefix).build().unwrap_err();
        assert!(error.to_string().contains("prefix"), "{error}");
    }
}

#[test]
fn what_is_no_address_is_said_without_the_password() {
    let builder = MemcachedStorage::builder("memcached://me:secret@a");
    assert!(!format!("{builder:?}").contains("secret"));
    let error = builder.build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}
