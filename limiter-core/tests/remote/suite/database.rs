//! Backends whose server has a clock of its own and can be reset.

use std::{num::NonZeroU64, time::Duration};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp,
    acceptance::{self, Time},
    storage::{Batch, Hit, Storage},
};

use crate::{NOON, server::Database};

pub(crate) async fn by_the_time_of_the_server<D: Database>() {
    let server = D::start();
    acceptance::run(&server.storage(), Time::Own).await;
}

/// Spends each of [`policies`] of a client in this scope; returns which were admitted.
pub(crate) async fn spend(
    storage: &impl Storage,
    scope: &Scope,
    key: &Key,
    quota: Quota,
    now: Timestamp,
) -> Vec<bool> {
    let mut admitted = Vec::new();
    for policy in policies(quota) {
        let hits = [Hit::new(scope, key, &policy).cost(policy.capacity())];
        admitted.push(storage.decide(&Batch::new(&hits), now).await.unwrap().is_admitted());
    }
    admitted
}

/// One for each strategy, and one with a burst.
fn policies(quota: Quota) -> Vec<Policy> {
    let bucket = Policy::new(quota, Strategy::TokenBucket);
    let counters = Strategy::ALL.map(|strategy| Policy::new(quota, strategy));
    counters.into_iter().chain([bucket.with_burst(NonZeroU64::new(20).unwrap()).unwrap()]).collect()
}

/// The defect: a count that lost its expiry blocks its client for ever.
pub(crate) async fn a_lost_expiry_heals<D: Database>() {
    let server = D::start();
    let storage = D::by_callers_clock(server.storage());
    let (scope, key, quota) = (Scope::new(["expiry"]), Key::from("somebody"), Quota::per_minute(5));
    let spend_after =
        async |seconds| spend(&storage, &scope, &key, quota, NOON.after(Duration::from_secs(seconds))).await;
    assert_eq!(spend_after(0).await, [true; 6]);
    server.remove_expiries().await;
    assert!(!server.has_expiries().await);
    assert_eq!(spend_after(1).await, [false; 6]);
    assert_eq!(spend_after(300).await, [true; 6], "its time is over");
    assert!(server.has_expiries().await);
}

pub(crate) async fn a_reset_leaves_other_prefixes_alone<D: Database>() {
    let server = D::start();
    let open = |prefix| D::open_with_prefix(&server.uri(), prefix).unwrap();
    let (ours, theirs) = (open("a-b"), open("a-"));
    let (scope, key, quota) = (Scope::new(["reset"]), Key::from("somebody"), Quota::per_hour(5));
    let spend = async |storage| spend(storage, &scope, &key, quota, NOON).await;
    assert_eq!(spend(&ours).await, [true; 6]);
    let names = server.names().await;
    assert_eq!(spend(&theirs).await, [true; 6], "prefixes are kept apart");
    server.write_foreign("a-:10:x").await;
    theirs.reset().await.unwrap();
    assert_eq!(server.names().await, names + 1);
    assert_eq!(spend(&ours).await, [false; 6]);
}
