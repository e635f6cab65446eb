//! What a limiter sees while the server fails, and after.

use std::time::Duration;

use limiter_core::storage::MongoStorage;
use limiter_test_servers::{Mongo, Proxy};
use mongodb::bson::doc;
use tokio::runtime::Runtime;

use crate::{
    client::{Client, in_time},
    mongodb::server::ServerExt,
};

/// A client, and what may have been counted for it: each hit that was answered, and each other one at most once.
pub(crate) struct Tally {
    pub(crate) client: Client<MongoStorage>,
    answered: u64,
    failed: u64,
}

impl Tally {
    /// A client that has been answered once.
    pub(crate) async fn start(storage: MongoStorage) -> Self {
        let mut tally = Self { client: Client::new(storage), answered: 0, failed: 0 };
        tally.hit_until_answered().await;
        tally
    }

    /// Hits until there is an answer, which must be right.
    pub(crate) async fn hit_until_answered(&mut self) {
        loop {
            match in_time(self.client.hit()).await {
                Ok(used) => {
                    self.answered += 1;
                    self.check(used);
                    return;
                }
                Err(_) => self.failed += 1,
            }
            self.client.recover().await;
        }
    }

    /// Hits until the storage is left alone.
    async fn fail(&mut self) {
        self.failed += self.client.fail().await;
    }

    /// Hits and does not get an answer.
    async fn fail_once(&mut self) {
        assert!(in_time(self.client.hit()).await.is_err());
        self.failed += 1;
    }

    fn check(&self, used: u64) {
        let (answered, failed) = (self.answered, self.failed);
        assert!((answered..=answered + failed).contains(&used), "{used} of {answered}, {failed} failed");
    }
}

#[tokio::test]
async fn killed_and_restarted() {
    let mut server = Mongo::start();
    let mut tally = Tally::start(server.storage()).await;
    // What was not in the journal yet would be lost.
    server.admin().await.run_command(doc! { "fsync": 1 }).await.unwrap();
    server.kill();
    tally.fail().await;
    server.restart();
    tally.client.recover().await;
    tally.hit_until_answered().await;
}

#[tokio::test]
async fn restarted_between_two_requests() {
    let mut server = Mongo::start();
    let mut tally = Tally::start(server.storage()).await;
    server.admin().await.run_command(doc! { "fsync": 1 }).await.unwrap();
    server.kill();
    server.restart();
    tally.hit_until_answered().await;
    tally.hit_until_answered().await;
}

#[tokio::test]
async fn frozen_and_thawed() {
    let server = Mongo::start();
    let mut tally = Tally::start(server.storage()).await;
    server.freeze();
    tally.fail().await;
    server.thaw();
    tally.client.recover().await;
    // What waited in the server's ear is heard now. It counts once, or not at all.
    tally.hit_until_answered().await;
    tally.hit_until_answered().await;
}

/// A hundred at once: none waits for another.
#[tokio::test]
async fn frozen_while_many_ask() {
    let server = Mongo::start();
    let mut tally = Tally::start(server.storage()).await;
    server.freeze();
    let answers = in_time(futures_util::future::join_all((0..100).map(|_| tally.client.hit()))).await;
    assert!(answers.iter().all(Result::is_err));
    tally.failed += 100;
    server.thaw();
    tally.client.recover().await;
    tally.hit_until_answered().await;
}

#[tokio::test]
async fn frozen_from_the_start() {
    let server = Mongo::start();
    server.freeze();
    let mut tally = Tally { client: Client::new(server.storage()), answered: 0, failed: 0 };
    tally.fail().await;
    server.thaw();
    tally.client.recover().await;
    tally.hit_until_answered().await;
}

#[tokio::test]
async fn without_its_data() {
    let server = Mongo::start();
    let client = Client::new(server.storage());
    while client.hit().await.is_err() {
        client.recover().await;
    }
    server.counts().await.drop().await.unwrap();
    assert_eq!(client.hit().await.unwrap(), 1);
}

#[tokio::test]
async fn far_away() {
    let server = Mongo::start();
    let proxy = Proxy::start(server.port()).await;
    let mut tally = Tally::start(through(&proxy)).await;
    proxy.delay(Duration::from_millis(200));
    tally.fail().await;
    proxy.delay(Duration::ZERO);
    tally.client.recover().await;
    tally.hit_until_answered().await;
}

/// It was counted before the answer was cut, and is not repeated.
#[tokio::test]
async fn cut_in_the_middle_of_an_answer() {
    let server = Mongo::start();
    let proxy = Proxy::start(server.port()).await;
    let mut tally = Tally::start(through(&proxy)).await;
    for bytes in [0, 1, 5, 40] {
        proxy.cut_after(bytes);
        tally.fail_once().await;
        tally.hit_until_answered().await;
    }
}

/// The defect: a connection that dies with the runtime of the test, or worker, that made it.
#[test]
fn several_runtimes_share_a_storage() {
    let server = Mongo::start();
    let storage = server.storage();
    let mut tally = Runtime::new().unwrap().block_on(Tally::start(storage));
    for _ in 0..4 {
        Runtime::new().unwrap().block_on(tally.hit_until_answered());
    }
    let [first, second] = [(); 2].map(|()| Runtime::new().unwrap());
    first.block_on(tally.hit_until_answered());
    second.block_on(tally.hit_until_answered());
    drop(first);
    second.block_on(tally.hit_until_answered());
    assert_eq!(tally.answered, 8);
}

/// The defect: a breaker whose probe ended with a runtime stays open for ever.
#[test]
fn a_probe_survives_its_runtime() {
    let mut server = Mongo::start();
    let mut tally = Runtime::new().unwrap().block_on(Tally::start(server.storage()));
    server.kill();
    Runtime::new().unwrap().block_on(tally.fail());
    server.restart();
    Runtime::new().unwrap().block_on(async {
        assert!(tally.client.hit().await.is_err());
        tally.client.recover().await;
        while tally.client.hit().await.is_err() {
            tally.client.recover().await;
        }
    });
}

fn through(proxy: &Proxy) -> MongoStorage {
    MongoStorage::new(&format!("mongodb://127.0.0.1:{}", proxy.port())).unwrap()
}
