//! Storages that hit the same counts at once.

use futures_util::future::join_all;
use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    storage::{Batch, Hit, MemcachedStorage, Storage},
};
use limiter_test_servers::Memcached;
use tokio::task::JoinSet;

use crate::{
    batches::refunds,
    on_servers::memcached::server::{Administered, STRATEGIES},
    server::Server,
};

const SCOPES: usize = 4;
const LIMIT: u64 = 60;

/// Several storages stand for processes. Each batch takes two of four counts, so that often one of them can be
/// written and the other cannot.
#[tokio::test]
async fn a_refused_batch_takes_nothing() {
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
            assert_eq!(used, expected, "{strategy}: the used quota is what was admitted and not refunded");
            assert!(used <= LIMIT, "{strategy}");
        }
    }
}

fn count(scope: usize, strategy: Strategy) -> (Scope, Policy) {
    let name = format!("pairs {scope} {strategy}");
    (Scope::new([name]), Policy::new(Quota::new(LIMIT, 10, Unit::Year), strategy))
}

/// Hits pairs of counts, and refunds some; returns how much of each it keeps.
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
            storage.refund(&refunds(&hits, &decision), Timestamp::default()).await.unwrap();
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
async fn requests_at_once_are_written_together() {
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
