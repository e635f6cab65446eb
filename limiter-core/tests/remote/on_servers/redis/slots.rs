//! Batches over several slots of a cluster.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Unit, Window,
    storage::{Batch, Hit, MemoryStorage, RedisStorage, Resilient, Storage, Verdict},
};
use limiter_test_servers::Cluster;
use tokio::time::timeout;

use crate::{
    NOON,
    batches::{Dice, refund},
    client::{FOR_EVER, PATIENCE, in_time},
    on_servers::redis::cluster::clients_on,
};

fn storage(cluster: &Cluster) -> RedisStorage {
    RedisStorage::new(&cluster.uri()).unwrap().use_caller_clock()
}

/// Clients in slots of their own, on all nodes.
fn keys() -> [Key; 6] {
    ["a", "b", "c", "d", "e", "f"].map(|name| Key::text("client", name))
}

const PER_NODE: usize = 2;

/// Clients of each node, in the order of the nodes.
fn keys_by_node(cluster: &Cluster) -> [Key; 3 * PER_NODE] {
    let keys = (0..3).flat_map(|node| clients_on(cluster, node).take(PER_NODE).map(|(key, _)| key));
    keys.collect::<Vec<_>>().try_into().expect("three nodes")
}

/// The same batches one after the other are decided as in memory, down to the last report.
#[tokio::test]
async fn batches_over_slots_are_decided_as_in_memory() {
    let cluster = Cluster::start();
    let (storage, memory) = (storage(&cluster), MemoryStorage::new());
    let (scope, meta, keys) = (Scope::new(["slots"]), Scope::new(["meta"]), keys());
    let policies = |amounts: [u64; 2]| -> Vec<_> {
        let policy =
            |strategy| amounts.map(|amount| Policy::new(Quota::new(amount, 1, Unit::Hour), strategy));
        Strategy::ALL.into_iter().flat_map(policy).collect()
    };
    let (policies, metas) = (policies([4, 9]), policies([1, 2]));
    let (mut dice, mut seen) = (Dice(1), [0; 3]);
    for turn in 0..600 {
        let now = NOON.after(Duration::from_secs(turn * 37));
        let limits = dice.hits(4, &scope, &keys, &policies);
        let guards = if dice.below(3) == 0 { dice.hits(1, &meta, &keys, &metas) } else { Vec::new() };
        let mut on_refusal = dice.hits(2, &meta, &keys, &metas);
        for hit in &mut on_refusal {
            *hit = hit.shadow(false);
            if dice.below(2) == 0 {
                *hit = hit.only_after(dice.below(limits.len()));
            }
        }
        let batch = Batch::new(&limits).guards(&guards).on_refusal(&on_refusal);
        let [ours, theirs] = [storage.decide(&batch, now).await.unwrap(), memory.decide(&batch, now)];
        seen[ours.verdict() as usize] += 1;
        let reports = |windows: &[Window]| windows.iter().map(report).collect::<Vec<_>>();
        assert_eq!(ours.verdict(), theirs.verdict(), "turn {turn}: {batch:?}");
        assert_eq!(reports(ours.guards()), reports(theirs.guards()), "turn {turn}: {batch:?}");
        assert_eq!(reports(ours.limits()), reports(theirs.limits()), "turn {turn}: {batch:?}");
        if ours.is_admitted() && dice.below(4) == 0 {
            refund(&storage, &limits, ours.limits(), now).await;
            refund(&memory, &limits, theirs.limits(), now).await;
        }
    }
    assert!(seen.iter().all(|times| *times > 20), "{seen:?}");
}

/// To the microsecond, in which the scripts count.
fn report(window: &Window) -> (bool, u64, u128, Option<u128>) {
    let micros = |time: Duration| time.as_nanos().div_ceil(1000);
    (window.is_allowed(), window.remaining(), micros(window.reset()), window.retry_after().map(micros))
}

/// However many hit at once, no more is admitted than is allowed, and charges of refused batches are refunded.
#[tokio::test]
async fn a_batch_over_slots_never_admits_too_much() {
    const AMOUNT: usize = 20;
    let cluster = Cluster::start();
    let (storage, keys) = (storage(&cluster), keys());
    for strategy in Strategy::ALL {
        let policy = Policy::new(Quota::new(AMOUNT as u64, 1, Unit::Year), strategy);
        let scope = Scope::new(["at once"]);
        let hits: Vec<_> = keys[..3].iter().map(|key| Hit::new(&scope, key, &policy)).collect();
        let batch = Batch::new(&hits);
        let mut admitted = 0;
        // Some are refused for what others are about to return; later ones get it.
        for _ in 0..10 {
            let decisions = join_all((0..50).map(|_| storage.decide(&batch, NOON))).await;
            admitted += decisions.iter().filter(|it| it.as_ref().unwrap().is_admitted()).count();
            assert!(admitted <= AMOUNT, "{strategy}: {admitted}");
        }
        assert_eq!(admitted, AMOUNT, "{strategy}");
        let other = [Hit::new(&scope, &keys[3], &policy), hits[0]];
        assert_eq!(storage.decide(&Batch::new(&other), NOON).await.unwrap().verdict(), Verdict::Refused);
        let looks = other.map(|hit| hit.cost(0));
        let left = storage.decide(&Batch::test(&looks), NOON).await.unwrap();
        assert_eq!(left.guards().iter().map(Window::remaining).collect::<Vec<_>>(), [AMOUNT as u64, 0]);
    }
}

/// The defect: what one node took stays taken when the request gives up waiting for another one.
#[tokio::test]
async fn a_node_that_does_not_answer_keeps_no_quota() {
    let cluster = Cluster::start();
    let storage = Arc::new(storage(&cluster));
    let patient = Resilient::new(Arc::clone(&storage)).deadline(PATIENCE);
    let prompt = Resilient::new(storage);
    let (scope, keys) = (Scope::new(["frozen"]), keys_by_node(&cluster));
    let policy = Policy::new(Quota::per_day(9), Strategy::FixedWindow);
    let hits = keys.each_ref().map(|key| Hit::new(&scope, key, &policy));
    assert!(patient.decide(&Batch::new(&hits), NOON).await.unwrap().is_admitted());
    cluster.nodes[0].freeze();
    assert!(in_time(prompt.decide(&Batch::new(&hits), NOON)).await.is_err());
    let left = async |hit: &Hit<'_>| {
        let look = [hit.cost(0)];
        let answer = patient.decide(&Batch::test(&look), NOON).await;
        answer.ok().map(|it| it.guards()[0].remaining())
    };
    let start = Instant::now();
    // Those of the frozen node cannot be queried.
    for hit in &hits[PER_NODE..] {
        while left(hit).await != Some(8) {
            assert!(start.elapsed() < FOR_EVER, "it is not returned");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The defect: the hits on refusal of a request that was dropped meanwhile were lost.
#[tokio::test]
async fn a_dropped_request_takes_its_hits_on_refusal() {
    let cluster = Cluster::start();
    let (other, storage) = (storage(&cluster), storage(&cluster));
    let (scope, keys) = (Scope::new(["dropped"]), keys_by_node(&cluster));
    let [one, nine] = [1, 9].map(|amount| Policy::new(Quota::per_day(amount), Strategy::FixedWindow));
    let limits = keys.each_ref().map(|key| Hit::new(&scope, key, &one));
    assert!(other.decide(&Batch::new(&limits), NOON).await.unwrap().is_admitted());

    let (frozen, well) = limits.split_at(PER_NODE);
    // It knows the nodes, and has no connection to the first.
    for hit in well {
        assert!(!storage.decide(&Batch::new(&[*hit]), NOON).await.unwrap().is_admitted());
    }
    cluster.nodes[0].freeze();
    let on_refusal = [Hit::new(frozen[0].scope, frozen[0].key, &nine)];
    let batch = Batch::new(well).on_refusal(&on_refusal);
    // The others have refused it by then.
    assert!(timeout(Duration::from_secs(2), storage.decide(&batch, NOON)).await.is_err());
    cluster.nodes[0].thaw();

    let (look, start) = ([on_refusal[0].cost(0)], Instant::now());
    let left = async || other.decide(&Batch::test(&look), NOON).await.ok();
    while left().await.is_none_or(|decision| decision.guards()[0].remaining() == 9) {
        assert!(start.elapsed() < FOR_EVER, "it is lost");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(left().await.unwrap().guards()[0].remaining(), 8);
}
