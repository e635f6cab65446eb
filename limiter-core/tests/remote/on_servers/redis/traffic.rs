//! The calls to the server.

use std::{sync::Arc, time::Duration};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy,
    storage::{Batch, Hit, LocalRefusals, Resilient, Storage},
};
use limiter_test_servers::Redis;

use crate::{
    NOON,
    batches::{FourLimits, refunds},
    on_servers::redis::server::{Admin, Administered},
    server::Server,
};

/// Returns how often the server ran a script by its hash, by its code, and loaded one.
fn calls(admin: &mut Admin) -> (u64, u64, u64) {
    let info = admin.info("commandstats");
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
    let four = FourLimits::new();
    let (limits, guard) = (four.limits(), four.guard());
    let batch = Batch::new(&limits).guards(&guard).on_refusal(&guard);
    // The first call sends the script.
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
    let refunds = refunds(&limits, &decision);
    storage.refund(&refunds, NOON).await.unwrap();
    storage.refund(&refunds, NOON).await.unwrap();
    assert_eq!(calls(&mut admin), (24, 2, 0), "the other script was sent, too");
}

#[tokio::test]
async fn a_client_that_is_refused_again_and_again_costs_no_call() {
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

    assert!(!ask(NOON.after(Duration::from_secs(2))).await.is_admitted());
    assert_eq!(calls(&mut admin).0, before.0 + 1, "after 2 s it is asked again");
    storage.clear(&hits).await.unwrap();
    assert!(ask(NOON).await.is_admitted());
}
