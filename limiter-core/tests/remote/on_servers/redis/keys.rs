//! The keys on the server: their names, lifetimes and contents.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Unit, Window,
    storage::{Batch, Hit, MemoryStorage, Refund, Storage},
};
use limiter_test_servers::Redis;
use redis::cmd;

use crate::{NOON, on_servers::redis::server::Administered, server::Server, suite::database::spend};

#[tokio::test]
async fn keys_expire_and_keep_secrets() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage(), server.admin());
    let (scope, key) = (Scope::new(["/users/{id}", "GET"]), Key::text("user", "alice-the-secret"));
    assert_eq!(spend(&storage, &scope, &key, Quota::per_minute(5), NOON).await, [true; 6]);
    let keys = admin.keys();
    assert_eq!(keys.len(), 2, "a moving window has a key of its own");
    for key in keys {
        assert!(key.starts_with("ratelimit:1:{user~"), "{key}");
        assert!(key.contains("}:,/users/{id},GET"), "{key}");
        assert!(!key.contains("alice"), "{key}");
        let lifetime = admin.lifetime(&key);
        // A bucket of 20 fills in 4 minutes, with an eighth to spare; and a second, rounded up. Half of a
        // minute may have passed.
        assert!((30_000..=271_001).contains(&lifetime), "{key}: {lifetime}");
    }
}

/// Of the counts that share a key one can be forgotten without the others, and the last takes the key along.
#[tokio::test]
async fn a_clear_leaves_other_counts_alone() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage(), server.admin());
    let (scope, key) = (Scope::new(["clear"]), Key::from("somebody"));
    let policies = Strategy::ALL.map(|strategy| Policy::new(Quota::per_minute(5), strategy));
    let hits = policies.each_ref().map(|policy| Hit::new(&scope, &key, policy));
    let remaining = async || {
        let looks = hits.map(|hit| hit.cost(0));
        let decision = storage.decide(&Batch::test(&looks), NOON).await.unwrap();
        decision.guards().iter().map(Window::remaining).collect::<Vec<_>>()
    };
    assert!(storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted());
    let mut expected = [4; 5];
    for cleared in [3, 0, 2, 4, 1] {
        assert_eq!(remaining().await, expected);
        assert!(admin.keys().iter().all(|key| admin.lifetime(key) > 0));
        storage.clear(&hits[cleared..=cleared]).await.unwrap();
        storage.clear(&hits[cleared..=cleared]).await.unwrap();
        expected[cleared] = 5;
    }
    assert_eq!(remaining().await, expected);
    assert_eq!(admin.keys(), [""; 0]);
}

/// The clock of the caller is months behind that of the server.
#[tokio::test]
async fn a_clear_leaves_the_expiry_of_other_counts_alone() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage().use_caller_clock(), server.admin());
    let (scope, key) = (Scope::new(["clear"]), Key::from("somebody"));
    let policies =
        [Quota::per_day(5), Quota::per_minute(5)].map(|quota| Policy::new(quota, Strategy::FixedWindow));
    let hits = policies.each_ref().map(|policy| Hit::new(&scope, &key, policy));
    assert!(storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted());
    storage.clear(&hits[1..]).await.unwrap();
    assert_eq!(admin.keys().len(), 1, "that of the day is left");
    assert!(admin.keys().iter().all(|key| admin.lifetime(key) > 3_600_000));
}

/// Limits that change by the request make new counts for ever; what has ended makes room, and then the first to end.
#[tokio::test]
async fn the_counts_of_a_key_are_bounded() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage().use_caller_clock(), server.admin());
    let (scope, key) = (Scope::new(["dynamic"]), Key::from("somebody"));
    let hit = async |amount: u64, now| {
        let policy = Policy::new(Quota::per_minute(amount), Strategy::FixedWindow);
        let hits = [Hit::new(&scope, &key, &policy)];
        storage.decide(&Batch::new(&hits), now).await.unwrap().limits()[0].remaining()
    };
    let mut size = || -> usize {
        let name = &admin.keys()[0];
        admin.run(cmd("STRLEN").arg(name))
    };
    // None of them is spent.
    for amount in 2..=101 {
        assert_eq!(hit(amount, NOON.after(Duration::from_millis(amount))).await, amount - 1);
    }
    assert_eq!(size(), 16 + 64 * 32);
    assert_eq!(hit(101, NOON.after(Duration::from_secs(1))).await, 99);
    assert_eq!(hit(38, NOON.after(Duration::from_secs(1))).await, 36, "one of the last 64");
    assert_eq!(hit(37, NOON.after(Duration::from_secs(1))).await, 36, "it had made way");
    for amount in 2..=101 {
        let now = NOON.after(Duration::from_secs(100 * amount));
        assert_eq!(hit(amount, now).await, amount - 1);
    }
    assert_eq!(size(), 16 + 64 * 32);
}

/// Spent counts leave last, those that end first before the others.
#[tokio::test]
async fn spent_counts_leave_in_the_order_of_their_ends() {
    let server = Redis::start();
    let storage = server.storage().use_caller_clock();
    let (scope, key) = (Scope::new(["dynamic"]), Key::from("somebody"));
    // Sliding windows are aligned, so that their ends have another order.
    for strategy in [Strategy::FixedWindow, Strategy::FixedWindowElasticExpiry, Strategy::TokenBucket] {
        storage.reset().await.unwrap();
        // With something left, but not for another hit of this cost.
        let hit = async |minutes: u32| {
            let policy = Policy::new(Quota::new(3, minutes, Unit::Minute), strategy);
            let hits = [Hit::new(&scope, &key, &policy).cost(2)];
            storage.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted()
        };
        for minutes in (1..=100).rev() {
            assert!(hit(10 * minutes).await, "{strategy}");
        }
        for minutes in 38..=100 {
            assert!(!hit(10 * minutes).await, "{strategy}: {minutes}");
        }
        assert!(!hit(10).await, "{strategy}: the newest is always kept");
        assert!(hit(10 * 37).await, "{strategy}: it was the first to end");
    }
}

/// The defect: a key without an expiry, for a count that is not there.
#[tokio::test]
async fn a_refund_to_no_count_writes_no_key() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage(), server.admin());
    let (scope, key) = (Scope::new(["elsewhere"]), Key::from("somebody"));
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::per_minute(5), strategy);
        let hits = [Hit::new(&scope, &key, &policy)];
        let look = MemoryStorage::new().decide(&Batch::test(&hits), NOON);
        storage.refund(&[Refund::new(hits[0], &look.guards()[0])], NOON).await.unwrap();
        assert_eq!(admin.keys(), [""; 0], "{strategy}");
    }
}

/// However a key came to be what it is: foreign content counts as nothing, and does no harm.
#[tokio::test]
async fn a_key_of_another_application_is_written_over() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage(), server.admin());
    let (scope, key) = (Scope::new(["plain"]), Key::text("client", "a"));
    let policy = Policy::new(Quota::per_minute(9), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    let ask = async || storage.decide(&Batch::new(&hits), NOON).await.unwrap().limits()[0].remaining();
    assert_eq!((ask().await, ask().await), (8, 7));
    let names = admin.keys();
    for command in [&["SET"][..], &["SETRANGE", "100"], &["RPUSH"]] {
        admin.run::<()>(cmd("DEL").arg(&names[0]));
        admin.run::<()>(cmd(command[0]).arg(&names[0]).arg(&command[1..]).arg("what"));
        assert_eq!((ask().await, ask().await), (8, 7), "{command:?}");
        let left = admin.lifetime(&names[0]);
        assert!(left > 0, "{command:?}: {left}");
    }
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
        let names = admin.keys();
        let left = admin.lifetime(&names[0]);
        assert!((expected - 20_000..=expected).contains(&left), "after {seconds} s: {left}");
        // The server's own clock stands still beside the caller's.
        admin.run::<()>(cmd("PEXPIRE").arg(&names[0]).arg(30_000));
    }
}
