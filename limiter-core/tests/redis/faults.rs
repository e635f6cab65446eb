//! What a limiter sees while the server fails, and after.

use std::time::{Duration, Instant};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    storage::{Batch, Hit, RedisStorage, Resilient, Storage, StorageError},
};
use tokio::runtime::Runtime;

use crate::{proxy::Proxy, server::Server};

/// What an answer may take beyond the deadline of 100 ms.
const BEYOND: Duration = Duration::from_millis(50);
const AT_ONCE: Duration = Duration::from_millis(5);

/// Makes sure that an answer comes within the deadline, next to a mere sleep of that length: so a machine that
/// is busy elsewhere delays both.
async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let sleep = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        start.elapsed()
    };
    let answer = async { (answer.await, start.elapsed()) };
    let (slept, (answer, answered)) = tokio::join!(sleep, answer);
    assert!(answered < slept + BEYOND, "it took {answered:?}, when 100 ms took {slept:?}");
    answer
}

/// One client of a limit that is large enough never to refuse.
struct Client {
    storage: Resilient<RedisStorage>,
    scope: Scope,
    key: Key,
    policy: Policy,
}

impl Client {
    fn new(uri: &str) -> Self {
        Self {
            storage: Resilient::new(RedisStorage::new(uri).unwrap()),
            scope: Scope::new(["faults"]),
            key: Key::from("somebody"),
            policy: Policy::new(Quota::per_day(1_000_000), Strategy::FixedWindow),
        }
    }

    /// What has been used so far, after one more.
    async fn hit(&self) -> Result<u64, StorageError> {
        self.ask(1).await
    }

    /// What has been used so far.
    async fn used(&self) -> u64 {
        self.ask(0).await.unwrap()
    }

    async fn ask(&self, cost: u64) -> Result<u64, StorageError> {
        let hits = [Hit::new(&self.scope, &self.key, &self.policy).cost(cost)];
        let decision = self.storage.decide(&Batch::new(&hits), Timestamp::default()).await?;
        Ok(1_000_000 - decision.limits()[0].remaining())
    }

    /// Hits until the storage is left alone; returns how often.
    async fn fail(&self) -> u64 {
        let mut times = 0;
        while !self.storage.is_open() {
            in_time(self.hit()).await.expect_err("the server cannot be asked");
            times += 1;
        }
        assert_eq!(times, 3);
        let mut answers = [Duration::ZERO; 100];
        for answer in &mut answers {
            let start = Instant::now();
            assert!(self.hit().await.is_err());
            *answer = start.elapsed();
        }
        answers.sort();
        assert!(answers[98] < AT_ONCE, "{:?} at the 99th percentile", answers[98]);
        times
    }

    /// Waits until the background has found out that the server answers. No request is made meanwhile.
    async fn recover(&self) {
        let start = Instant::now();
        while self.storage.is_open() {
            assert!(start.elapsed() < Duration::from_secs(15), "it is left alone for ever");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn killed_and_restarted() {
    let mut server = Server::start();
    let client = Client::new(&server.uri());
    assert_eq!(client.hit().await.unwrap(), 1);
    server.kill();
    client.fail().await;
    server.restart();
    client.recover().await;
    assert_eq!(client.hit().await.unwrap(), 1, "the counts were lost with the server");
}

#[tokio::test]
async fn restarted_between_two_requests() {
    let mut server = Server::start();
    let client = Client::new(&server.uri());
    assert_eq!(client.hit().await.unwrap(), 1);
    server.kill();
    server.restart();
    // One request may find out that the connection is gone.
    let first = client.hit().await.unwrap_or(0);
    assert_eq!(client.hit().await.unwrap(), first + 1);
}

#[tokio::test]
async fn frozen_and_thawed() {
    let server = Server::start();
    let client = Client::new(&server.uri());
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
    let server = Server::start();
    let client = Client::new(&server.uri());
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
    let server = Server::start();
    server.freeze();
    let client = Client::new(&server.uri());
    client.fail().await;
    server.thaw();
    client.recover().await;
    assert!(client.hit().await.unwrap() <= 4);
}

#[tokio::test]
async fn without_its_scripts_or_its_data() {
    let server = Server::start();
    let (client, mut admin) = (Client::new(&server.uri()), server.admin());
    assert_eq!(client.hit().await.unwrap(), 1);
    let _: () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut admin).unwrap();
    assert_eq!(client.hit().await.unwrap(), 2, "the script is shown again, and counts once");
    let _: () = redis::cmd("FLUSHALL").query(&mut admin).unwrap();
    assert_eq!(client.hit().await.unwrap(), 1);
}

#[tokio::test]
async fn far_away() {
    let server = Server::start();
    let proxy = Proxy::start(server.port()).await;
    let client = Client::new(&proxy.uri());
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
    let server = Server::start();
    let proxy = Proxy::start(server.port()).await;
    let client = Client::new(&proxy.uri());
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
    let server = Server::start();
    let client = Client::new(&server.uri());
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
    let mut server = Server::start();
    let client = Client::new(&server.uri());
    server.kill();
    Runtime::new().unwrap().block_on(client.fail());
    server.restart();
    Runtime::new().unwrap().block_on(async {
        assert!(client.hit().await.is_err());
        client.recover().await;
        assert_eq!(client.hit().await.unwrap(), 1);
    });
}
