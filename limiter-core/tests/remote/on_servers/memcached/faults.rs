//! Faults of memcached alone.

use std::fmt::Write;

use limiter_core::storage::MemcachedStorage;
use limiter_test_servers::{Memcached, Proxy, wait_until};
use tokio::runtime::Runtime;

use crate::{
    client::{Client, FOR_EVER, is_overdue},
    on_servers::memcached::server::Administered,
    server::{Server, uri},
};

/// A server that is too small evicts counts, which begin anew, as the documentation has it.
#[tokio::test]
async fn a_count_that_is_evicted_begins_anew() {
    let server = Memcached::start_with(&["-m", "1", "-I", "512k"]);
    let client = Client::new(server.storage());
    for expected in 1..=5 {
        assert_eq!(client.hit().await.unwrap(), expected);
    }
    // The server evicts what is about as large as what comes.
    let length = server.keys()[0].len();
    for thousands in 0..1000 {
        let mut commands = String::new();
        for key in thousands * 1000..(thousands + 1) * 1000 {
            write!(commands, "ms {key:0length$} 20 T3600 q\r\n0 86400000000000 5 0\r\n").unwrap();
        }
        commands.push_str("mn\r\n");
        server.ask(&commands, &["MN\r\n"]);
    }
    assert!(server.statistic("evictions") > 900_000);
    assert_eq!(client.used().await, 0, "the oldest goes first");
    assert_eq!(client.hit().await.unwrap(), 1);
}

#[tokio::test]
async fn cut_in_the_middle_of_an_answer() {
    let server = Memcached::start();
    let proxy = Proxy::start(server.port()).await;
    let client = Client::new(MemcachedStorage::new(&uri::<Memcached>(proxy.port())).unwrap());
    assert_eq!(client.hit().await.unwrap(), 1);
    let (mut lost, mut counted) = (0, 0);
    // Until the cut comes after both answers.
    for bytes in 0..200 {
        let before = client.used().await;
        proxy.cut_after(bytes);
        match client.hit().await {
            Ok(used) => {
                assert_eq!(used, before + 1);
                break;
            }
            Err(error) => assert!(!is_overdue(&error), "the cut is not noticed after {bytes} bytes"),
        }
        match client.used().await - before {
            0 => lost += 1,
            1 => counted += 1,
            more => panic!("a hit that failed counts {more} times after {bytes} bytes"),
        }
    }
    assert!(lost > 20, "cut while the count was read: {lost}");
    assert!(counted > 3, "cut after it was written: {counted}");
}

#[test]
fn connections_end_with_their_runtimes() {
    let server = Memcached::start();
    let client = Client::new(server.storage());
    let [first, second] = [(); 2].map(|()| Runtime::new().unwrap());
    assert_eq!(first.block_on(client.hit()).unwrap(), 1);
    assert_eq!(second.block_on(client.hit()).unwrap(), 2);
    drop(first);
    assert_eq!(second.block_on(client.hit()).unwrap(), 3);
    drop(second);
    drop(client);
    wait_until("all connections are closed", || {
        // The one for the statistics is one of them, and the server keeps one for itself.
        server.statistic("curr_connections") <= 2
    });
}

/// The defect: a count that was under way when its runtime ended is never free again.
#[test]
fn a_count_survives_the_runtime_that_was_at_it() {
    let server = Memcached::start();
    let client = std::sync::Arc::new(Client::new(server.storage()));
    for _ in 0..20 {
        let runtime = Runtime::new().unwrap();
        for _ in 0..10 {
            let client = std::sync::Arc::clone(&client);
            runtime.spawn(async move { client.hit().await });
        }
        runtime.shutdown_background();
        Runtime::new().unwrap().block_on(async {
            // Those that waited for what has ended get an error.
            let start = std::time::Instant::now();
            while client.hit().await.is_err() {
                assert!(start.elapsed() < FOR_EVER, "the count is never free again");
            }
        });
    }
}
