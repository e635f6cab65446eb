//! Moving windows of many hits, whose logs are read in parts and cut.

use std::time::Duration;

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy,
    storage::{Batch, Hit, MemoryStorage, Refund, Storage},
};
use limiter_test_servers::Redis;
use redis::cmd;

use crate::{NOON, batches::Dice, on_servers::redis::server::Administered, server::Server};

/// They are decided as in memory, and what has left the window leaves the server.
#[tokio::test]
async fn long_logs_are_decided_as_in_memory() {
    let server = Redis::start();
    let (storage, memory, mut admin) =
        (server.storage().use_caller_clock(), MemoryStorage::new(), server.admin());
    let (scope, key) = (Scope::new(["long"]), Key::from("somebody"));
    let policy = Policy::new(Quota::per_minute(300), Strategy::MovingWindow);
    let (mut dice, mut now, mut refused, mut taken) = (Dice(2), NOON, 0, Vec::new());
    let mut longest = 0;
    for step in 0..4000 {
        // Bursts, pauses in which some hits leave, and few in which all do.
        let pause = [0, 1, 1, 7, 40, 90, 700][dice.below(7)] + if dice.below(500) == 0 { 61_000 } else { 0 };
        now = now.after(Duration::from_millis(pause));
        let hits = [Hit::new(&scope, &key, &policy).cost(1 + (dice.below(60) / 58 * dice.below(280)) as u64)];
        let ours = storage.decide(&Batch::new(&hits), now).await.unwrap();
        let theirs = memory.decide(&Batch::new(&hits), now);
        assert_eq!(ours.limits(), theirs.limits(), "step {step}: {hits:?} at {now:?}");
        refused += usize::from(!ours.is_admitted());
        if ours.is_admitted() {
            taken.push(Refund::new(hits[0].cost(1), &ours.limits()[0]));
        }
        if dice.below(8) == 0 && !taken.is_empty() {
            let refund = [taken.swap_remove(taken.len() - 1 - dice.below(taken.len().min(40)))];
            storage.refund(&refund, now).await.unwrap();
            memory.refund(&refund, now).await.unwrap();
        }
        let names = admin.keys();
        longest = longest.max(admin.run::<usize>(cmd("STRLEN").arg(&names[0])));
    }
    assert!(refused > 100, "{refused}");
    // A trailer; 16 bytes for each hit, and for as many that have left or a few.
    assert!((56 + 200 * 16..=56 + 2 * 300 * 16 + 32 * 16).contains(&longest), "{longest}");
    let names = admin.keys();
    assert!(admin.lifetime(&names[0]) > 0);
}
