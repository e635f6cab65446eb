//! Calls that are dropped while they wait, as when a client resets its connection. They say nothing about the server.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use futures_util::future::join_all;
use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Window,
    storage::{Batch, Hit, Resilient, Storage, StorageError},
};
use limiter_test_servers::Proxy;
use tokio::time::timeout;

use crate::server::{Server, uri};

/// The clients that have spent their limit.
const CLIENTS: u32 = 40;
/// The calls that are dropped.
const CALLS: u64 = 500;
/// The limit of each client in an hour.
const AMOUNT: u64 = 3;

/// A limit of many clients, and the storage that counts it.
pub(crate) struct Counted<S> {
    storage: Resilient<S>,
    scope: Scope,
    policy: Policy,
}

impl<S: Storage + 'static> Counted<S> {
    /// The deadline is so long that a busy machine does not matter: the breaker can open by errors only.
    pub(crate) fn new(storage: S) -> Self {
        Self {
            storage: Resilient::new(storage).deadline(Duration::from_secs(10)),
            scope: Scope::new(["abandoned"]),
            policy: Policy::new(Quota::per_hour(AMOUNT), Strategy::FixedWindow),
        }
    }

    async fn hit(&self, key: &Key, cost: u64) -> Result<Window, StorageError> {
        let hits = [Hit::new(&self.scope, key, &self.policy).cost(cost)];
        Ok(self.storage.decide(&Batch::new(&hits), Timestamp::default()).await?.limits()[0])
    }

    /// Makes all clients spend their limit.
    pub(crate) async fn spend(&self) {
        for client in clients() {
            assert!(self.hit(&client, AMOUNT).await.expect("the server answers").is_allowed());
        }
    }

    /// Drops calls of one client after up to 3 ms each, while the others try again and again.
    ///
    /// Each of them is refused by the storage itself. So it does not matter what a limiter does while its storage
    /// fails: it does not fail.
    pub(crate) async fn drop_calls(&self, attacker: &str) {
        let (attacker, is_over) = (Key::from(attacker), AtomicBool::new(false));
        let dropping = async {
            for number in 0..CALLS {
                let _ = timeout(Duration::from_millis(number % 4), self.hit(&attacker, 1)).await;
            }
            is_over.store(true, Relaxed);
        };
        let others = clients().map(async |client| {
            let mut tries = 0;
            while tries == 0 || !is_over.load(Relaxed) {
                let window = self.hit(&client, 1).await.expect("no call fails");
                assert!(!window.is_allowed(), "{client:?} is refused");
                assert_eq!(window.remaining(), 0);
                tries += 1;
            }
        });
        tokio::join!(dropping, join_all(others));
        assert!(!self.storage.is_open());
        let mut admitted = 0;
        while self.hit(&attacker, 1).await.expect("the server answers").is_allowed() {
            admitted += 1;
        }
        assert!(admitted <= AMOUNT, "{admitted} of the client whose calls were dropped");
        assert_eq!(self.hit(&attacker, 0).await.expect("the server answers").remaining(), 0);
    }
}

fn clients() -> impl Iterator<Item = Key> {
    (0..CLIENTS).map(|number| Key::from(format!("client {number}")))
}

/// The defect: dropped calls removed the shared connection, so that those of others failed and the breaker opened.
pub(crate) async fn dropped_calls_disturb_nobody<S: Server>() {
    let server = S::start();
    Counted::new(server.storage()).spend().await;
    for delay in [0, 1] {
        let proxy = Proxy::start(server.port()).await;
        proxy.delay(Duration::from_millis(delay));
        // A new storage: calls are dropped while it connects, too.
        let counted = Counted::new(S::open(&uri::<S>(proxy.port())));
        counted.drop_calls(&format!("attacker with a delay of {delay} ms")).await;
        let made = proxy.connections();
        assert!(made <= S::MAX_CONNECTIONS, "{made} connections with a delay of {delay} ms");
    }
}
