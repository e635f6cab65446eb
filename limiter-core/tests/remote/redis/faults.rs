//! What a limiter sees while the server fails, and after.

use std::time::Duration;

use limiter_core::storage::RedisStorage;
use limiter_test_servers::{Proxy, Redis};
use tokio::runtime::Runtime;

use crate::{
    client::{Client, in_time},
    redis::server::ServerExt,
};

#[tokio::test]
async fn killed_and_restarted() {
    let mut server = Redis::start();
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
    let mut server = Redis::start();
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
    let server = Redis::start();
    let client = Client::new(server.storage());
    assert_eq!(client.hit().await.unwrap(), 1);
    server.freeze();
    let failed = client.fail().await;
    server.thaw();
    client.recover().await;
    // What waited in the server's ear is heard now. It counts once, or not at all.
    let used = client.used().await;
    assert!((1..=1 + failed).contains(&used), "{used}");
    assert_eq!(client.hit().await.unwrap(), used + 1);
}

/// A hundred at once: none waits for another.
#[tokio::test]
async fn frozen_while_many_ask() {
    let server = Redis::start();
    let client = Client::new(server.storage());
    assert_eq!(client.hit().await.unwrap(), 1);
    server.freeze();
    let answers = in_time(futures_util::future::join_all((0..100).map(|_| client.hit()))).await;
    assert!(answers.iter().all(Result::is_err));
    server.thaw();
    client.recover().await;
    assert!(client.used().await <= 101);
}

#[tokio::test]
async fn frozen_from_the_start() {
    let server = Redis::start();
    server.freeze();
    let client = Client::new(server.storage());
    client.fail().await;
    server.thaw();
    client.recover().await;
    assert!(client.hit().await.unwrap() <= 4);
}

#[tokio::test]
async fn without_its_scripts_or_its_data() {
    let server = Redis::start();
    let (client, mut admin) = (Client::new(server.storage()), server.admin());
    assert_eq!(client.hit().await.unwrap(), 1);
    let _: () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut admin).unwrap();
    assert_eq!(client.hit().await.unwrap(), 2, "the script is shown again, and counts once");
    let _: () = redis::cmd("FLUSHALL").query(&mut admin).unwrap();
    assert_eq!(client.hit().await.unwrap(), 1);
}

#[tokio::test]
async fn far_away() {
    let server = Redis::start();
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
    let server = Redis::start();
    let proxy = Proxy::start(server.port()).await;
    let client = Client::new(through(&proxy));
    assert_eq!(client.hit().await.unwrap(), 1);
    for bytes in [0, 1, 5] {
        let used = client.used().await;
        proxy.cut_after(bytes);
        assert!(in_time(client.hit()).await.is_err(), "after {bytes} bytes");
        // It was counted before the answer was cut, and was not repeated.
        assert_eq!(client.used().await, used + 1);
    }
}

/// The defect: a connection that dies with the runtime of the test, or worker, that made it.
#[test]
fn several_runtimes_share_a_storage() {
    let server = Redis::start();
    let client = Client::new(server.storage());
    for expected in 1..=5 {
        assert_eq!(Runtime::new().unwrap().block_on(client.hit()).unwrap(), expected);
    }
    let [first, second] = [(); 2].map(|()| Runtime::new().unwrap());
    assert_eq!(first.block_on(client.hit()).unwrap(), 6);
    assert_eq!(second.block_on(client.hit()).unwrap(), 7);
    drop(first);
    assert_eq!(second.block_on(client.hit()).unwrap(), 8);
}

/// The defect: a breaker whose probe ended with a runtime stays open for ever.
#[test]
fn a_probe_survives_its_runtime() {
    let mut server = Redis::start();
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

fn through(proxy: &Proxy) -> RedisStorage {
    RedisStorage::new(&format!("redis://127.0.0.1:{}", proxy.port())).unwrap()
}
