//! Batches of a few limits and nothing else, which specialised scripts decide.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Unit, Window,
    storage::{Batch, Hit, RedisStorage, Storage},
};
use limiter_test_servers::Redis;

use crate::{
    NOON,
    batches::{Dice, refund},
    server::Server,
};

/// The same batches one after the other are decided alike by the script for all batches, which a guard brings in,
/// down to the last report: also when the time stands still or goes back, when several limits share a count, and
/// when they do not come in the order in which they are stored.
#[tokio::test]
async fn specialised_and_general_scripts_decide_alike() {
    let server = Redis::start();
    let storage = server.storage().use_caller_clock();
    let other = RedisStorage::builder(&server.uri()).prefix("other").build().unwrap().use_caller_clock();
    let (scopes, key) = (["plain", "other"].map(|name| Scope::new([name])), Key::text("client", "a"));
    let (meta, day) = (Scope::new(["meta"]), Policy::new(Quota::per_day(1), Strategy::FixedWindow));
    let guards = [Hit::new(&meta, &key, &day).cost(0)];
    let policies: Vec<_> = Strategy::ALL
        .into_iter()
        .flat_map(|strategy| {
            [(3, 1), (7, 3)]
                .map(|(amount, minutes)| Policy::new(Quota::new(amount, minutes, Unit::Minute), strategy))
        })
        .collect();
    let (mut dice, mut seen) = (Dice(1), [0; 3]);
    let mut below = |end| dice.below(end);
    let mut seconds = 1000;
    for turn in 0..3000 {
        seconds = seconds + below(40) - below(30).min(seconds);
        let now = NOON.after(Duration::from_secs(seconds as u64));
        let hits: Vec<_> = (0..=below(5))
            .map(|_| {
                let hit = Hit::new(&scopes[below(2)], &key, &policies[below(policies.len())]);
                hit.cost(below(4) as u64).shadow(below(16) == 0)
            })
            .collect();
        let batch = Batch::new(&hits);
        let ours = storage.decide(&batch, now).await.unwrap();
        let theirs = other.decide(&batch.guards(&guards), now).await.unwrap();
        seen[ours.verdict() as usize] += 1;
        assert_eq!(ours.verdict(), theirs.verdict(), "turn {turn}: {batch:?}");
        let reports = |windows: &[Window]| windows.iter().map(report).collect::<Vec<_>>();
        assert_eq!(reports(ours.limits()), reports(theirs.limits()), "turn {turn}: {batch:?}");
        if ours.is_admitted() && below(4) == 0 {
            refund(&storage, &hits[..1], &ours.limits()[..1], now).await;
            refund(&other, &hits[..1], &theirs.limits()[..1], now).await;
        }
        if below(100) == 0 {
            storage.clear(&hits).await.unwrap();
            other.clear(&hits).await.unwrap();
        }
    }
    assert!(seen[..2].iter().all(|times| *times > 300), "{seen:?}");
}

fn report(window: &Window) -> (bool, u64, Duration, Option<Duration>) {
    (window.is_allowed(), window.remaining(), window.reset(), window.retry_after())
}
