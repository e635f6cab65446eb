//! A few limits with nothing else about them, which straight scripts decide.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit, Window,
    storage::{Batch, Hit, RedisStorage, Refund, Storage},
};
use limiter_test_servers::Redis;

use crate::redis::server::ServerExt;

const NOON: Timestamp = Timestamp::from_millis(1_750_000_000_000);

/// The same batches one after the other come out as by the script for all batches, which a guard calls, down to
/// the last report: also when the time stands still or goes back, when both decide about the same counts, and when
/// these are not asked for in the order in which they are stored.
#[tokio::test]
async fn are_decided_as_by_the_other_script() {
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
    let (mut random, mut seen) = (1_u64, [0; 3]);
    let mut below = |end: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % end
    };
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
            refund(&storage, hits[0], ours.limits()[0], now).await;
            refund(&other, hits[0], theirs.limits()[0], now).await;
        }
        if below(100) == 0 {
            storage.clear(&hits).await.unwrap();
            other.clear(&hits).await.unwrap();
        }
    }
    assert!(seen[..2].iter().all(|times| *times > 300), "{seen:?}");
}

/// However a key came to be what it is: what cannot be ours counts as nothing, and does no harm.
#[tokio::test]
async fn a_key_that_somebody_else_has_written() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage(), server.admin());
    let (scope, key) = (Scope::new(["plain"]), Key::text("client", "a"));
    let policy = Policy::new(Quota::per_minute(9), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    let ask = async || storage.decide(&Batch::new(&hits), NOON).await.unwrap().limits()[0].remaining();
    assert_eq!((ask().await, ask().await), (8, 7));
    let names: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut admin).unwrap();
    for command in [&["SET"][..], &["SETRANGE", "100"], &["RPUSH"]] {
        let _: i64 = redis::cmd("DEL").arg(&names[0]).query(&mut admin).unwrap();
        let _: redis::Value =
            redis::cmd(command[0]).arg(&names[0]).arg(&command[1..]).arg("what").query(&mut admin).unwrap();
        assert_eq!((ask().await, ask().await), (8, 7), "{command:?}");
        let left: i64 = redis::cmd("PTTL").arg(&names[0]).query(&mut admin).unwrap();
        assert!(left > 0, "{command:?}: {left}");
    }
}

async fn refund(storage: &dyn Storage, hit: Hit<'_>, window: Window, now: Timestamp) {
    if window.is_allowed() {
        storage.refund(&[Refund::new(hit, &window)], now).await.unwrap();
    }
}

fn report(window: &Window) -> (bool, u64, Duration, Option<Duration>) {
    (window.is_allowed(), window.remaining(), window.reset(), window.retry_after())
}

/// A hit in the middle of a window leaves the lifetime of its key as it is, which is long enough.
#[tokio::test]
async fn a_lifetime_is_set_when_a_window_begins() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage().use_caller_clock(), server.admin());
    let (scope, key) = (Scope::new(["plain"]), Key::text("client", "a"));
    let policy = Policy::new(Quota::per_minute(9), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    for (seconds, expected) in [(0, 61_000), (30, 30_000), (59, 30_000), (60, 61_000)] {
        let now = NOON.after(Duration::from_secs(seconds));
        assert!(storage.decide(&Batch::new(&hits), now).await.unwrap().is_admitted());
        let names: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut admin).unwrap();
        let left: i64 = redis::cmd("PTTL").arg(&names[0]).query(&mut admin).unwrap();
        assert!((expected - 20_000..=expected).contains(&left), "after {seconds} s: {left}");
        // The server's own clock stands still beside the caller's.
        let _: bool = redis::cmd("PEXPIRE").arg(&names[0]).arg(30_000).query(&mut admin).unwrap();
    }
}
