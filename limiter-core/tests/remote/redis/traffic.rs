//! What goes to the server and what stays there.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Window,
    storage::{Batch, Hit, LocalRefusals, MemoryStorage, RedisStorage, Refund, Resilient, Storage},
};
use redis::Connection;

use limiter_test_servers::Redis;

use crate::redis::server::ServerExt;

const NOON: Timestamp = Timestamp::from_millis(1_750_000_000_000);

/// How often the server was asked to run a script, by hash and by code, and everything else it was asked.
fn calls(admin: &mut Connection) -> (u64, u64, u64) {
    let info: String = redis::cmd("INFO").arg("commandstats").query(admin).unwrap();
    let calls = |name: &str| -> u64 {
        let prefix = format!("cmdstat_{name}:calls=");
        let line = info.lines().find_map(|line| line.strip_prefix(&prefix));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    };
    (calls("evalsha"), calls("eval"), calls("script|load"))
}

#[tokio::test]
async fn a_batch_is_one_call() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage(), server.admin());
    let (scope, route, key) = (Scope::new(["application"]), Scope::new(["route"]), Key::from("somebody"));
    let policies = [1, 2, 3, 4].map(|amount| {
        let strategy = Strategy::ALL[usize::try_from(amount).unwrap()];
        Policy::new(Quota::per_hour(amount + 5), strategy)
    });
    let meta = Policy::new(Quota::per_hour(2), policies[0].strategy());
    let limits: Vec<_> = policies
        .iter()
        .zip([&scope, &route].iter().cycle())
        .map(|(it, scope)| Hit::new(scope, &key, it))
        .collect();
    let guard = [Hit::new(&scope, &key, &meta)];
    let batch = Batch::new(&limits).guards(&guard).on_refusal(&guard);
    // The first call shows the server the script.
    let _ = storage.decide(&batch, NOON).await.unwrap();
    assert_eq!(calls(&mut admin), (1, 1, 0));
    let mut verdicts = Vec::new();
    for _ in 0..20 {
        verdicts.push(storage.decide(&batch, NOON).await.unwrap().verdict());
    }
    verdicts.dedup();
    assert_eq!(verdicts.len(), 3, "admitted, refused and guarded: {verdicts:?}");
    assert_eq!(calls(&mut admin), (21, 1, 0));

    let decision = storage.decide(&Batch::new(&limits), NOON).await.unwrap();
    let taken: Vec<_> =
        limits.iter().zip(decision.limits()).map(|(hit, window)| Refund::new(*hit, window)).collect();
    storage.refund(&taken, NOON).await.unwrap();
    storage.refund(&taken, NOON).await.unwrap();
    assert_eq!(calls(&mut admin), (24, 2, 0), "the other script was shown, too");
}

#[tokio::test]
async fn who_is_refused_over_and_over_costs_no_call() {
    let server = Redis::start();
    let (far, mut admin) = (server.storage(), server.admin());
    let storage = LocalRefusals::new(Arc::new(Resilient::new(far).deadline(Duration::from_secs(10))));
    let (scope, key) = (Scope::new(["login"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_hour(2), Strategy::FixedWindow);
    let hits = [Hit::new(&scope, &key, &policy)];
    let ask = async |now| storage.decide(&Batch::new(&hits), now).await.unwrap();
    for expected in [true, true, false] {
        assert_eq!(ask(NOON).await.is_admitted(), expected);
    }
    let before = calls(&mut admin);
    let wait = ask(NOON).await.limits()[0].retry_after().expect("a wait");
    for millis in 0..1000 {
        let window = ask(NOON.after(Duration::from_millis(millis))).await.limits()[0];
        assert_eq!((window.is_allowed(), window.remaining()), (false, 0));
        assert_eq!(window.retry_after().map(|left| left + Duration::from_millis(millis)), Some(wait));
    }
    assert_eq!(calls(&mut admin), before, "the server was asked");

    assert!(!ask(NOON.after(Duration::from_secs(5))).await.is_admitted());
    assert_eq!(calls(&mut admin).0, before.0 + 1, "after 5 s it is asked again");
    storage.clear(&hits).await.unwrap();
    assert!(ask(NOON).await.is_admitted());
}

/// One for each strategy.
fn policies() -> Vec<Policy> {
    let bucket = Policy::new(Quota::per_minute(5), Strategy::TokenBucket);
    let counters = Strategy::ALL.map(|strategy| Policy::new(Quota::per_minute(5), strategy));
    counters.into_iter().chain([bucket.with_burst(NonZeroU64::new(20).unwrap()).unwrap()]).collect()
}

/// How many keys these have for one client and scope: a moving window has one of its own.
const KEYS: usize = 2;

async fn hit_all(storage: &RedisStorage, now: Timestamp) -> Vec<bool> {
    let (scope, key) = (Scope::new(["/users/{id}", "GET"]), Key::text("user", "alice-the-secret"));
    let mut admitted = Vec::new();
    for policy in policies() {
        let hits = [Hit::new(&scope, &key, &policy).cost(policy.capacity())];
        admitted.push(storage.decide(&Batch::new(&hits), now).await.unwrap().is_admitted());
    }
    admitted
}

fn keys(admin: &mut Connection) -> Vec<String> {
    redis::cmd("KEYS").arg("*").query(admin).unwrap()
}

fn lifetime(admin: &mut Connection, key: &str) -> i64 {
    redis::cmd("PTTL").arg(key).query(admin).unwrap()
}

#[tokio::test]
async fn keys_expire_and_keep_secrets() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage(), server.admin());
    assert_eq!(hit_all(&storage, NOON).await, [true; 6]);
    let keys = keys(&mut admin);
    assert_eq!(keys.len(), KEYS);
    for key in keys {
        assert!(key.starts_with("ratelimit:1:{user~"), "{key}");
        assert!(key.contains("}:,/users/{id},GET"), "{key}");
        assert!(!key.contains("alice"), "{key}");
        let lifetime = lifetime(&mut admin, &key);
        // A bucket of 20 fills in 4 minutes, with an eighth to spare; and a second, rounded up.
        assert!((59_000..=271_001).contains(&lifetime), "{key}: {lifetime}");
    }
}

/// The defect: a count that lost its expiry blocks its client for ever.
#[tokio::test]
async fn a_lost_expiry_heals() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage().use_caller_clock(), server.admin());
    assert_eq!(hit_all(&storage, NOON).await, [true; 6]);
    for key in keys(&mut admin) {
        let _: bool = redis::cmd("PERSIST").arg(&key).query(&mut admin).unwrap();
        assert_eq!(lifetime(&mut admin, &key), -1);
    }
    assert_eq!(hit_all(&storage, NOON.after(Duration::from_secs(1))).await, [false; 6]);
    assert_eq!(hit_all(&storage, NOON.after(Duration::from_secs(300))).await, [true; 6], "its time is over");
    for key in keys(&mut admin) {
        assert!(lifetime(&mut admin, &key) > 0, "{key}");
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
        assert!(keys(&mut admin).iter().all(|key| lifetime(&mut admin, key) > 0));
        storage.clear(&hits[cleared..=cleared]).await.unwrap();
        storage.clear(&hits[cleared..=cleared]).await.unwrap();
        expected[cleared] = 5;
    }
    assert_eq!(remaining().await, expected);
    assert_eq!(keys(&mut admin), [""; 0]);
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
        let name = &keys(&mut admin)[0];
        redis::cmd("STRLEN").arg(name).query(&mut admin).unwrap()
    };
    for amount in 1..=100 {
        assert_eq!(hit(amount, NOON.after(Duration::from_millis(amount))).await, amount - 1);
    }
    assert_eq!(size(), 16 + 64 * 32);
    assert_eq!(hit(100, NOON.after(Duration::from_secs(1))).await, 98);
    assert_eq!(hit(37, NOON.after(Duration::from_secs(1))).await, 35, "one of the last 64");
    assert_eq!(hit(36, NOON.after(Duration::from_secs(1))).await, 35, "it had made way");
    for amount in 1..=100 {
        let now = NOON.after(Duration::from_secs(100 * amount));
        assert_eq!(hit(amount, now).await, amount - 1);
    }
    assert_eq!(size(), 16 + 64 * 32);
}

/// The defect: a key without an expiry, for a count that is not there.
#[tokio::test]
async fn what_was_taken_elsewhere_goes_nowhere() {
    let server = Redis::start();
    let (storage, mut admin) = (server.storage(), server.admin());
    let (scope, key) = (Scope::new(["elsewhere"]), Key::from("somebody"));
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::per_minute(5), strategy);
        let hits = [Hit::new(&scope, &key, &policy)];
        let look = MemoryStorage::new().decide(&Batch::test(&hits), NOON);
        storage.refund(&[Refund::new(hits[0], &look.guards()[0])], NOON).await.unwrap();
        assert_eq!(keys(&mut admin), [""; 0], "{strategy}");
    }
}

#[tokio::test]
async fn a_reset_leaves_other_prefixes_alone() {
    let server = Redis::start();
    let mut admin = server.admin();
    let build = |prefix| RedisStorage::builder(&server.uri()).prefix(prefix).build().unwrap();
    let (ours, theirs) = (build("a-b"), build("a-"));
    assert_eq!(hit_all(&ours, NOON).await, [true; 6]);
    assert_eq!(hit_all(&theirs, NOON).await, [true; 6], "prefixes are kept apart");
    let _: () = redis::cmd("SET").arg("a-:10").arg("not a count").query(&mut admin).unwrap();
    theirs.reset().await.unwrap();
    assert_eq!(keys(&mut admin).len(), KEYS + 1);
    assert_eq!(hit_all(&ours, NOON).await, [false; 6]);
}

#[test]
fn a_prefix_is_plain_and_short() {
    for prefix in ["", "{a}", "a b", "a*", &"a".repeat(65)] {
        let error = RedisStorage::builder("redis://127.0.0.1").prefix(prefix).build().unwrap_err();
        assert!(error.to_string().contains("prefix"), "{error}");
    }
}

#[test]
fn what_is_no_address_is_said_without_the_password() {
    for uri in
        ["http://:secret@127.0.0.1", "redis:secret", "redis://:secret@host:port", "", "redis://:secret@"]
    {
        let error = RedisStorage::new(uri).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
    let builder = RedisStorage::builder("redis://:secret@127.0.0.1").credentials("me", "secret");
    assert!(!format!("{builder:?}").contains("secret"));
    assert!(!format!("{:?}", builder.build().unwrap()).contains("secret"));
}
