//! The commands to the server.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy,
    storage::{Batch, Decision, Hit, MemcachedStorage, Storage, Verdict},
};
use limiter_test_servers::{Memcached, Proxy};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    NOON,
    batches::refunds,
    on_servers::memcached::server::{Administered, STRATEGIES},
    server::{Server, uri},
};

/// Returns how many round trips something takes each of a few times, and what it returned.
async fn trips<T>(proxy: &Proxy, mut ask: impl AsyncFnMut() -> T) -> ([u64; 5], Vec<T>) {
    let (mut trips, mut answers) = ([0; 5], Vec::new());
    for trips in &mut trips {
        let before = proxy.trips();
        answers.push(ask().await);
        *trips = proxy.trips() - before;
    }
    (trips, answers)
}

#[tokio::test]
async fn a_batch_takes_two_round_trips_and_a_refusal_one() {
    let server = Memcached::start();
    let proxy = Proxy::start(server.port()).await;
    let storage = MemcachedStorage::new(&uri::<Memcached>(proxy.port())).unwrap();
    let (scope, route, key) = (Scope::new(["application"]), Scope::new(["route"]), Key::from("somebody"));
    let policies = STRATEGIES.map(|strategy| Policy::new(Quota::per_hour(7), strategy));
    let limits: Vec<_> =
        policies.iter().zip([&scope, &route].iter().cycle()).map(|(it, at)| Hit::new(at, &key, it)).collect();
    let guard = [Hit::new(&scope, &key, &policies[0]).cost(0)];
    let batch = Batch::new(&limits).guards(&guard);
    let decide = async || storage.decide(&batch, NOON).await.unwrap();
    let verdicts = |answers: &[Decision]| answers.iter().map(Decision::verdict).collect::<Vec<_>>();
    // Connects.
    let first = decide().await;

    let (admitted, answers) = trips(&proxy, decide).await;
    assert_eq!((admitted, verdicts(&answers)), ([2; 5], vec![Verdict::Admitted; 5]));
    let mut answers = answers.iter().chain([&first]);
    let refund = async || {
        let refunds = refunds(&limits, answers.next().unwrap());
        storage.refund(&refunds, NOON).await.unwrap();
    };
    assert_eq!(trips(&proxy, refund).await.0, [2; 5]);

    let spent = [Hit::new(&route, &key, &policies[3]).cost(6)];
    assert!(storage.decide(&Batch::new(&spent), NOON).await.unwrap().is_admitted());
    // The elastic one is not what refuses: its end would be written.
    let refuse = async || storage.decide(&Batch::new(&limits[2..]).guards(&guard), NOON).await.unwrap();
    let _ = refuse().await;
    let (refused, answers) = trips(&proxy, refuse).await;
    assert_eq!((refused, verdicts(&answers)), ([1; 5], vec![Verdict::Refused; 5]));

    let test = async || storage.decide(&Batch::test(&limits), NOON).await.unwrap();
    assert_eq!(trips(&proxy, test).await.0, [1; 5]);
    let clear = async || storage.clear(&limits).await.unwrap();
    assert_eq!(trips(&proxy, clear).await.0, [1; 5]);
}

/// The defect: the answer to a request that was given up is read by the next one. Clients whose counts differ in
/// size share a connection on which many give up.
#[tokio::test]
async fn an_answer_goes_to_its_own_request() {
    let server = Memcached::start();
    let proxy = Proxy::start(server.port()).await;
    let storage = MemcachedStorage::new(&uri::<Memcached>(proxy.port())).unwrap();
    let storage = std::sync::Arc::new(storage);
    proxy.delay(Duration::from_millis(3));
    let mut clients = JoinSet::new();
    for client in 1..=40_u64 {
        let storage = std::sync::Arc::clone(&storage);
        clients.spawn(async move { hit_and_give_up(&storage, client).await });
    }
    let answered: u32 = clients.join_all().await.into_iter().sum();
    assert!((100..40 * 30).contains(&answered), "some were answered and some gave up: {answered}");
}

async fn hit_and_give_up(storage: &MemcachedStorage, client: u64) -> u32 {
    const MAX_AMOUNT: u64 = 1_000_000_000;
    let (scope, key) = (Scope::new(["patience"]), Key::from(format!("client {client}")));
    let policy = Policy::new(Quota::per_day(MAX_AMOUNT), Strategy::FixedWindow);
    // A prime apart from each other: no sum of one client's costs is one of another's.
    let cost = client * 10_007;
    let hits = [Hit::new(&scope, &key, &policy).cost(cost)];
    let (mut answered, mut last) = (0, 0);
    for turn in 1..=30 {
        let patience = Duration::from_millis(if turn % 3 == 0 { 5 + client % 7 } else { 2000 });
        let batch = Batch::new(&hits);
        let Ok(decision) = timeout(patience, storage.decide(&batch, NOON)).await else { continue };
        // A connection on which nobody has had an answer for too long is given up with all who wait on it.
        let Ok(decision) = decision else { continue };
        let used = MAX_AMOUNT - decision.limits()[0].remaining();
        assert_eq!(used % cost, 0, "client {client} got the answer of another: {used}");
        assert!(used > last && used <= turn * cost, "client {client}: {used} after {last}");
        last = used;
        answered += 1;
    }
    answered
}

#[tokio::test]
async fn one_connection_serves_all_requests_of_a_runtime() {
    let server = Memcached::start();
    let storage = server.storage();
    let before = server.statistic("total_connections");
    let hits = futures_util::future::join_all((0..200).map(|client| {
        let storage = &storage;
        async move {
            let (scope, key) = (Scope::new(["flight"]), Key::from(format!("client {client}")));
            let policy = Policy::new(Quota::per_day(9), Strategy::FixedWindow);
            storage.decide(&Batch::new(&[Hit::new(&scope, &key, &policy)]), NOON).await.unwrap()
        }
    }));
    assert!(hits.await.iter().all(Decision::is_admitted));
    // And one for each look at the statistics.
    assert_eq!(server.statistic("total_connections") - before, 2);
}
