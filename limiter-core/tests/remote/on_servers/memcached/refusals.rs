//! Errors of the server instead of a decision, in words for the operator.

use std::fmt::Write;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy,
    storage::{Hit, MemcachedStorage, Storage},
};
use limiter_test_servers::{Memcached, free_port};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    server::{Server, uri},
    suite::refusals::expect_error,
};

/// Checks the error of a storage that cannot decide, nor clear.
async fn expect(uri: &str, expected: &str) {
    let storage = MemcachedStorage::new(uri).unwrap();
    expect_error(&storage, expected).await;
    let (scope, key) = (Scope::new(["refusals"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_minute(5), Strategy::FixedWindow);
    assert!(storage.clear(&[Hit::new(&scope, &key, &policy)]).await.is_err());
}

#[tokio::test]
async fn a_port_without_a_server_is_an_error() {
    expect(&uri::<Memcached>(free_port()), "refused the connection").await;
}

#[tokio::test]
async fn a_host_without_an_address_is_an_error() {
    expect("memcached://nowhere.invalid", "could not be reached").await;
}

/// A server that has but one answer to each connection.
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
async fn another_kind_of_server_is_an_error() {
    for answer in ["-ERR unknown command 'mn'\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\x15\x03\x01\r\n"] {
        expect(&impostor(answer).await, "is no memcached server").await;
    }
}

#[tokio::test]
async fn a_server_without_meta_commands_is_an_error() {
    expect(&impostor("ERROR\r\n").await, "is too old").await;
}

#[tokio::test]
async fn a_server_without_memory_is_an_error() {
    let server = Memcached::start_with(&["-m", "1", "-I", "512k", "-M"]);
    for length in [1, 20, 60, 100, 150, 200, 300, 400] {
        let mut commands = String::new();
        for key in 0..30_000 {
            write!(commands, "ms {length}-{key} {length} T0 q\r\n{:0length$}\r\n", 0).unwrap();
        }
        // Each that found no room has an answer.
        server.ask(&(commands + "mn\r\n"), &["MN\r\n"]);
    }
    expect_error(&server.storage(), "no memory left").await;
}

#[test]
fn errors_and_debug_output_hide_the_password() {
    let builder = MemcachedStorage::builder("memcached://me:secret@a");
    assert!(!format!("{builder:?}").contains("secret"));
    let error = builder.build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
}
