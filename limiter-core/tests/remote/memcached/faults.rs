//! What a limiter sees while the server fails, and after.

use std::{fmt::Write, time::Duration};

use limiter_core::storage::MemcachedStorage;
use limiter_test_servers::{Memcached, Proxy};
use tokio::runtime::Runtime;

use crate::{
    client::{Client, in_time},
    memcached::server::ServerExt,
};

#[tokio::test]
async fn killed_and_restarted() {
    let mut server = Memcached::start();
    let client = Client::new(server.storage());
    assert_eq!(client.hit().await.unwrap(), 1);
    server.kill();
    client.fail().await;
    server.restart();
    client.recover().await;
    assert_eq!(client.hit().await.unwrap(), 1, "the counts were lost with the server");
}

#[tokio::test]
async fn restarted_between_two_requests() {
    let mut server = Memcached::start();
    let client = Client::new(server.storage());
    assert_eq!(client.hit().await.unwrap(), 1);
    server.kill();
    server.restart();
    // One request may find out that the connection is gone.
    let first = client.hit().await.unwrap_or(0);
    assert_eq!(client.hit().await.unwrap(), first + 1);
}

#[tokio::test]
async fn frozen_and_thawed() {
    let server = Memcached::start();
    let client = Client::new(server.storage());
    assert_eq!(client.hit().await.unwrap(), 1);
    server.freeze();
    let failed = client.fail().await;
    server.thaw();
    client.recover().await;
    // What the server still tells after it is thawed may be acted on: each hit counts once, or not at all.
    let used = client.used().await;
    assert!((1..=1 + failed).contains(&used), "{used}");
    assert_eq!(client.hit().await.unwrap(), used + 1);
}

/// A hundred at once: none waits for another.
#[tokio::test]
async fn frozen_while_many_ask() {
    let server = Memcached::start();
    let client = Client::new(server.storage());
    assert_eq!(client.hit().await.unwrap(), 1);
    server.freeze();
    let answers = in_time(futures_util::future::join_all((0..100).map(|_| client.hit()))).await;
    assert!(answers.iter().all(Result::is_err));
    server.thaw();
    client.recover().await;
    // What the server still tells after it is thawed may be acted on: each hit counts once, or not at all.
    let used = client.used().await;
    assert!((1..=101).contains(&used), "{used}");
}

#[tokio::test]
async fn frozen_from_the_start() {
    let server = Memcached::start();
    server.freeze();
    let client = Client::new(server.storage());
    let failed = client.fail().await;
    server.thaw();
    client.recover().await;
    assert!(client.hit().await.unwrap() <= 1 + failed);
}

#[tokio::test]
async fn without_its_data() {
    let server = Memcached::start();
    let client = Client::new(server.storage());
    assert_eq!(client.hit().await.unwrap(), 1);
    server.ask("flush_all\r\n", &["OK\r\n"]);
    assert_eq!(client.hit().await.unwrap(), 1);
}

/// What the documentation says of a server that is too small: a count that was thrown out begins anew.
#[tokio::test]
async fn thrown_out_by_a_million_keys() {
    let server = Memcached::start_with(&["-m", "1", "-I", "512k"]);
    let client = Client::new(server.storage());
    for expected in 1..=5 {
        assert_eq!(client.hit().await.unwrap(), expected);
    }
    // The server throws out what is about as large as what comes.
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
async fn far_away() {
    let server = Memcached::start();
    let proxy = Proxy::start(server.port()).await;
    let client = Client::new(through(&proxy));
    assert_eq!(client.hit().await.unwrap(), 1);
    proxy.delay(Duration::from_millis(200));
    let failed = client.fail().await;
    proxy.delay(Duration::ZERO);
    client.recover().await;
    let used = client.used().await;
    assert!((1..=1 + failed).contains(&used), "what came too late counts at most once: {used}");
}

#[tokio::test]
async fn cut_in_the_middle_of_an_answer() {
    let server = Memcached::start();
    let proxy = Proxy::start(server.port()).await;
    let client = Client::new(through(&proxy));
    assert_eq!(client.hit().await.unwrap(), 1);
    let (mut lost, mut counted) = (0, 0);
    // Until the cut comes after both answers.
    for bytes in 0..200 {
        let before = client.used().await;
        proxy.cut_after(bytes);
        let hit = in_time(client.hit()).await;
        if let Ok(used) = hit {
            assert_eq!(used, before + 1);
            break;
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

/// The defect: a connection that dies with the runtime of the test, or worker, that made it.
#[test]
fn several_runtimes_share_a_storage() {
    let server = Memcached::start();
    let client = Client::new(server.storage());
    for expected in 1..=5 {
        assert_eq!(Runtime::new().unwrap().block_on(client.hit()).unwrap(), expected);
    }
    let [first, second] = [(); 2].map(|()| Runtime::new().unwrap());
    assert_eq!(first.block_on(client.hit()).unwrap(), 6);
    assert_eq!(second.block_on(client.hit()).unwrap(), 7);
    drop(first);
    assert_eq!(second.block_on(client.hit()).unwrap(), 8);
    drop(second);
    drop(client);
    limiter_test_servers::wait_until("all connections are closed", || {
        // The one that asks is one of them, and the server keeps one for itself.
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
            // Those who waited for what has ended are told so.
            let start = std::time::Instant::now();
            while client.hit().await.is_err() {
                assert!(start.elapsed() < Duration::from_secs(20), "the count is never free again");
            }
        });
    }
}

/// The defect: a breaker whose probe ended with a runtime stays open for ever.
#[test]
fn a_probe_survives_its_runtime() {
    let mut server = Memcached::start();
    let client = Client::new(server.storage());
    server.kill();
    Runtime::new().unwrap().block_on(client.fail());
    server.restart();
    Runtime::new().unwrap().block_on(async {
        assert!(client.hit().await.is_err());
        client.recover().await;
        assert_eq!(client.hit().await.unwrap(), 1);
    });
}

fn through(proxy: &Proxy) -> MemcachedStorage {
    MemcachedStorage::new(&format!("memcached://127.0.0.1:{}", proxy.port())).unwrap()
}
