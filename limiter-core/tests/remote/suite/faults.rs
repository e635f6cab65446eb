//! Faults of the server, as a limiter sees them, and the time after.

use std::time::{Duration, Instant};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Window,
    storage::{Batch, Hit, Refund, Renewal, Resilient, Storage, StorageError},
};
use limiter_test_servers::Proxy;
use tokio::runtime::Runtime;

use crate::{
    server::{Server, uri},
    tally::Tally,
};

pub(crate) async fn killed_and_restarted<S: Server>() {
    let mut server = S::start();
    let mut tally = Tally::<S>::start(server.storage()).await;
    server.flush().await;
    server.kill();
    tally.fail().await;
    server.restart();
    tally.client.recover().await;
    tally.follow_restart();
    tally.hit().await;
}

pub(crate) async fn restarted_between_two_requests<S: Server>() {
    let mut server = S::start();
    let mut tally = Tally::<S>::start(server.storage()).await;
    server.flush().await;
    server.kill();
    server.restart();
    tally.follow_restart();
    // One request may find out that the connection is gone.
    if !tally.try_hit().await && S::IS_PROMPT {
        tally.forget_failed();
    }
    tally.hit().await;
    tally.hit().await;
}

/// Hits that wait in the queue of a frozen server count after the thaw, once or not at all.
pub(crate) async fn frozen_and_thawed<S: Server>() {
    let server = S::start();
    let mut tally = Tally::<S>::start(server.storage()).await;
    server.freeze();
    tally.fail().await;
    server.thaw();
    tally.client.recover().await;
    tally.hit().await;
    tally.hit().await;
}

/// A hundred at once: none waits for another.
pub(crate) async fn frozen_while_many_hit<S: Server>() {
    let server = S::start();
    let mut tally = Tally::<S>::start(server.storage()).await;
    server.freeze();
    tally.fail_at_once(100).await;
    server.thaw();
    tally.client.recover().await;
    tally.hit().await;
}

pub(crate) async fn frozen_from_the_start<S: Server>() {
    let server = S::start();
    server.freeze();
    let mut tally = Tally::<S>::new(server.storage());
    tally.fail().await;
    server.thaw();
    tally.client.recover().await;
    tally.hit().await;
}

pub(crate) async fn without_its_data<S: Server>() {
    let server = S::start();
    let tally = Tally::<S>::start(server.storage()).await;
    server.erase().await;
    assert_eq!(tally.client.hit().await.unwrap(), 1);
}

/// A late hit counts at most once.
pub(crate) async fn far_away<S: Server>() {
    let server = S::start();
    let proxy = Proxy::start(server.port()).await;
    let mut tally = Tally::<S>::start(S::open(&uri::<S>(proxy.port()))).await;
    proxy.delay(Duration::from_millis(200));
    tally.fail().await;
    proxy.delay(Duration::ZERO);
    tally.client.recover().await;
    tally.hit().await;
}

/// The defect: a connection that dies with the runtime of the test, or worker, that made it.
pub(crate) fn several_runtimes_share_a_storage<S: Server>() {
    let server = S::start();
    let mut tally = Tally::<S>::new(server.storage());
    for _ in 0..5 {
        Runtime::new().unwrap().block_on(tally.hit());
    }
    let [first, second] = [(); 2].map(|()| Runtime::new().unwrap());
    first.block_on(tally.hit());
    second.block_on(tally.hit());
    drop(first);
    second.block_on(tally.hit());
}

/// The defect: a breaker whose probe ended with a runtime stays open for ever.
pub(crate) fn a_probe_survives_its_runtime<S: Server>() {
    let mut server = S::start();
    let mut tally = Runtime::new().unwrap().block_on(async {
        let tally = Tally::<S>::start(server.storage()).await;
        server.flush().await;
        tally
    });
    server.kill();
    Runtime::new().unwrap().block_on(tally.fail());
    server.restart();
    tally.follow_restart();
    Runtime::new().unwrap().block_on(async {
        assert!(!tally.try_hit().await);
        if S::IS_PROMPT {
            // Elsewhere a driver may still send them, once there is a server again.
            tally.forget_failed();
        }
        tally.client.recover().await;
        tally.hit().await;
    });
}

/// Places of concurrent requests, held by a process through faults of the server.
struct Places<S: Server> {
    storage: Resilient<S::Storage>,
    scope: Scope,
    key: Key,
    policy: Policy,
    /// The stamps of the places that this process knows of.
    held: Vec<(Window, u64)>,
}

/// Short, so that the test waits for its end, and long enough for all that happens before.
const LEASE: Duration = Duration::from_secs(4);

/// Longer than the default, since a busy machine is no fault of the server. Three of them are less than a lease.
const DEADLINE: Duration = Duration::from_millis(500);

const PLACES: u64 = 10;

impl<S: Server> Places<S> {
    fn new(storage: S::Storage) -> Self {
        Self {
            storage: Resilient::new(storage).deadline(DEADLINE),
            scope: Scope::new(["places"]),
            key: Key::from("somebody"),
            policy: Policy::new(Quota::concurrent(PLACES), Strategy::FixedWindow).with_lease(LEASE),
            held: Vec::new(),
        }
    }

    fn hit(&self, cost: u64) -> Hit<'_> {
        Hit::new(&self.scope, &self.key, &self.policy).cost(cost).reserved(true)
    }

    async fn decide(&self, cost: u64) -> Result<Window, StorageError> {
        let hits = [self.hit(cost)];
        Ok(self.storage.decide(&Batch::new(&hits), Timestamp::default()).await?.limits()[0])
    }

    async fn take(&mut self) {
        // A driver may still look for its server.
        let before = self.taken().await;
        let window = self.decide(1).await.expect("the server answers");
        assert!(window.is_allowed() && before < PLACES);
        let stamp = Refund::new(self.hit(1), &window).stamp;
        self.held.push((window, stamp));
    }

    /// Takes places while the server does not answer, until the breaker opens. Returns how many may be taken there.
    async fn take_in_vain(&self) -> u64 {
        let mut times = 0;
        while !self.storage.is_open() {
            assert!(self.decide(1).await.is_err(), "the server does not answer");
            times += 1;
        }
        times
    }

    async fn recover(&self) {
        let start = Instant::now();
        while self.storage.is_open() {
            assert!(start.elapsed() < Duration::from_secs(180), "it is left alone for ever");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Renews the places that are held. Those that have ended are held no longer.
    async fn renew(&mut self) {
        let refunds: Vec<_> = self.held.iter().map(|(window, stamp)| self.refund(window, *stamp)).collect();
        let renewed = self.answered(async || self.storage.renew(&refunds, Timestamp::default()).await).await;
        drop(refunds);
        let held = std::mem::take(&mut self.held).into_iter().zip(renewed);
        self.held = held
            .filter_map(|((window, stamp), renewal)| match renewal {
                Renewal::Renewed(stamp) => Some((window, stamp)),
                Renewal::Unknown => Some((window, stamp)),
                Renewal::Ended => None,
            })
            .collect();
    }

    fn refund(&self, window: &Window, stamp: u64) -> Refund<'_> {
        let mut refund = Refund::new(self.hit(1), window);
        refund.stamp = stamp;
        refund
    }

    async fn free_all(&mut self) {
        let held = std::mem::take(&mut self.held);
        let refunds: Vec<_> = held.iter().map(|(window, stamp)| self.refund(window, *stamp)).collect();
        self.storage.refund(&refunds, Timestamp::default()).await.expect("the server answers");
    }

    /// Returns how many places are taken.
    async fn taken(&self) -> u64 {
        PLACES - self.answered(async || self.decide(0).await).await.remaining()
    }

    /// Calls the storage until it answers. A driver may look for its server a little longer than the breaker.
    async fn answered<T>(&self, call: impl AsyncFn() -> Result<T, StorageError>) -> T {
        loop {
            match call().await {
                Ok(answer) => return answer,
                Err(_) => assert!(!S::IS_PROMPT, "there is no answer"),
            }
            self.recover().await;
        }
    }
}

/// Frozen, a process loses no place that it renews in time, and one that it does not know of ends with its lease. Killed,
/// the server forgets or keeps them, and no renewal brings one back.
pub(crate) async fn places_last_as_long_as_their_leases<S: Server>() {
    let mut server = S::start();
    let mut places = Places::<S>::new(server.storage());
    if !places.storage.has_leases() {
        return;
    }
    for _ in 0..3 {
        places.take().await;
    }
    assert_eq!(places.taken().await, 3);

    server.freeze();
    let lost = places.take_in_vain().await;
    server.thaw();
    places.recover().await;
    let thawed = Instant::now();
    places.renew().await;
    let held = u64::try_from(places.held.len()).unwrap();
    let taken = places.taken().await;
    assert!(held <= taken && taken <= held + lost, "{held} are held, {lost} were in vain, {taken} are taken");
    // Nobody knows of those in vain, and they end by themselves. Those that are held stay.
    while places.taken().await > u64::try_from(places.held.len()).unwrap() {
        assert!(thawed.elapsed() < LEASE + Duration::from_secs(60), "a place is lost");
        places.renew().await;
        tokio::time::sleep(LEASE / 40).await;
    }
    places.free_all().await;
    while places.held.len() < 2 {
        places.take().await;
    }
    assert_eq!(places.taken().await, 2, "nothing is left from before");

    server.flush().await;
    server.kill();
    let lost = places.take_in_vain().await;
    // Elsewhere a driver may still send them, once there is a server again. They end with their leases.
    let lost = if S::IS_PROMPT { 0 } else { lost };
    server.restart();
    places.recover().await;
    places.renew().await;
    let (held, taken) = (u64::try_from(places.held.len()).unwrap(), places.taken().await);
    assert!(held <= taken && taken <= 2 + lost, "{held} of 2 are held, {taken} are taken");
    places.free_all().await;
    let freed = Instant::now();
    while places.taken().await > 0 {
        assert!(freed.elapsed() < LEASE + Duration::from_secs(60), "a place is lost");
        tokio::time::sleep(LEASE / 40).await;
    }
}
