//! Exactly as much is admitted as is allowed, whoever asks.

use std::time::Duration;

use futures_util::future::join_all;
use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    storage::{Batch, Hit, MemcachedStorage, Refund, Storage},
};
use limiter_test_servers::Memcached;
use tokio::task::JoinSet;

use crate::{
    memcached::server::{STRATEGIES, ServerExt},
    processes::{self, ADMITTED},
};

#[test]
fn eight_processes_on_one_key() {
    let admitted = processes::admitted(&Memcached::start().uri(), 1, &STRATEGIES, A_PROCESS);
    assert_eq!(admitted, [ADMITTED; STRATEGIES.len()]);
}

#[test]
fn eight_processes_with_batches_over_three_scopes() {
    let admitted = processes::admitted(&Memcached::start().uri(), 3, &STRATEGIES, A_PROCESS);
    assert_eq!(admitted, [ADMITTED; STRATEGIES.len()]);
}

const A_PROCESS: &str = "memcached::exact::a_process";

/// One of the processes, when it is asked to be.
#[test]
fn a_process() {
    processes::run(&STRATEGIES, |uri| MemcachedStorage::new(uri).unwrap());
}

const SCOPES: usize = 4;
const LIMIT: u64 = 60;

/// Several storages stand for processes. Each batch takes two of four counts, so that often one of them can be
/// written and the other cannot.
#[tokio::test]
async fn what_was_taken_in_vain_is_undone() {
    let server = Memcached::start();
    for strategy in STRATEGIES {
        let mut storages = JoinSet::new();
        for number in 0..8 {
            storages.spawn(hit_pairs(server.storage(), strategy, number));
        }
        let kept = storages.join_all().await;
        let used = used(&server.storage(), strategy).await;
        for (scope, used) in used.into_iter().enumerate() {
            let expected: u64 = kept.iter().map(|kept| kept[scope]).sum();
            assert_eq!(used, expected, "{strategy}: what is taken is what was admitted and not given back");
            assert!(used <= LIMIT, "{strategy}");
        }
    }
}

fn count(scope: usize, strategy: Strategy) -> (Scope, Policy) {
    let name = format!("pairs {scope} {strategy}");
    (Scope::new([name]), Policy::new(Quota::new(LIMIT, 10, Unit::Year), strategy))
}

/// Hits pairs of counts, and gives some back; returns how much of each it keeps.
async fn hit_pairs(storage: MemcachedStorage, strategy: Strategy, number: usize) -> [u64; SCOPES] {
    let (key, mut kept) = (Key::from("everybody"), [0; SCOPES]);
    for turn in 0..20 {
        let places = [(number + turn) % SCOPES, (number + 2 * turn + 1 + turn % 2) % SCOPES];
        let counts = places.map(|place| count(place, strategy));
        let hits = counts.each_ref().map(|(scope, policy)| Hit::new(scope, &key, policy));
        let decision = storage.decide(&Batch::new(&hits), Timestamp::default()).await.unwrap();
        if !decision.is_admitted() {
            continue;
        }
        if turn % 3 == 0 {
            let taken = [0, 1].map(|which| Refund::new(hits[which], &decision.limits()[which]));
            storage.refund(&taken, Timestamp::default()).await.unwrap();
        } else {
            for place in places {
                kept[place] += 1;
            }
        }
    }
    kept
}

async fn used(storage: &MemcachedStorage, strategy: Strategy) -> [u64; SCOPES] {
    let (key, mut used) = (Key::from("everybody"), [0; SCOPES]);
    for (scope, used) in used.iter_mut().enumerate() {
        let (scope, policy) = count(scope, strategy);
        let hits = [Hit::new(&scope, &key, &policy).cost(0)];
        let decision = storage.decide(&Batch::new(&hits), Timestamp::default()).await.unwrap();
        *used = LIMIT - decision.limits()[0].remaining();
    }
    used
}

/// The defect: requests of one process for one count get in each other's way, and the last has to try as often as
/// there are others.
#[tokio::test]
async fn those_who_ask_at_once_go_together() {
    let server = Memcached::start();
    let (storage, key, shared) = (server.storage(), Key::from("everybody"), Scope::new(["shared"]));
    let policy = Policy::new(Quota::per_day(1500), Strategy::FixedWindow);
    let clients: Vec<_> = (0..2000).map(|client| Key::from(format!("client {client}"))).collect();
    let decide = async |client: &Key| {
        let own = Scope::new(["own"]);
        let hits = [Hit::new(&shared, &key, &policy), Hit::new(&own, client, &policy)];
        storage.decide(&Batch::new(&hits), Timestamp::default()).await.unwrap().is_admitted()
    };
    let admitted = join_all(clients.iter().map(decide)).await.into_iter().filter(|admitted| *admitted);
    assert_eq!(admitted.count(), 1500);
    // Each client's own count, and the shared one a few times.
    let written = server.statistic("cmd_set");
    assert!((1501..1600).contains(&written), "{written}");
}

/// A clock that is ahead counts for all; none admits more than the limit.
#[tokio::test]
async fn clocks_an_hour_apart_share_a_count() {
    let server = Memcached::start();
    let nodes = [server.storage(), server.storage()];
    let noon = Timestamp::from_millis(1_750_000_000_000);
    let times = [noon, noon.after(Duration::from_secs(3600))];
    let (scope, key) = (Scope::new(["clocks"]), Key::from("somebody"));
    for strategy in STRATEGIES {
        let policy = Policy::new(Quota::new(10, 10, Unit::Year), strategy);
        let hits = [Hit::new(&scope, &key, &policy)];
        let mut admitted = 0;
        for turn in 0..30 {
            let (node, time) = (&nodes[turn % 2], times[turn % 2]);
            admitted += u32::from(node.decide(&Batch::new(&hits), time).await.unwrap().is_admitted());
        }
        assert_eq!(admitted, 10, "{strategy}");
    }
}
