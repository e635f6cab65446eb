//! Places of concurrent requests through faults of the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use limiter_core::{
    Key, Policy, Quota, Scope, Strategy, Timestamp, Window,
    storage::{Batch, Hit, Refund, Renewal, Resilient, Storage, StorageError},
};

use crate::{
    client::{FOR_EVER, PATIENCE},
    server::Server,
};

/// Places of concurrent requests, held by a process through faults of the server.
pub(crate) struct Places<S: Server> {
    patient: Resilient<Arc<S::Storage>>,
    prompt: Resilient<Arc<S::Storage>>,
    scope: Scope,
    key: Key,
    policy: Policy,
    /// Until all lost places are to end.
    lease: Duration,
    /// The stamps of the places that this process knows of.
    held: Vec<(Window, u64)>,
}

/// Short, so that the test waits for its end, and long enough for all that happens before.
const LEASE: Duration = Duration::from_secs(10);

/// The time that servers which elect a primary may take before the places end.
const LONG_LEASE: Duration = FOR_EVER;

/// The time that a busy machine may take beyond a lease.
const BEYOND: Duration = Duration::from_secs(60);

pub(crate) const PLACES: u64 = 10;

impl<S: Server> Places<S> {
    pub(crate) fn new(storage: S::Storage) -> Self {
        let storage = Arc::new(storage);
        Self {
            patient: Resilient::new(Arc::clone(&storage)).deadline(PATIENCE),
            prompt: Resilient::new(storage),
            scope: Scope::new(["places"]),
            key: Key::from("somebody"),
            policy: Policy::new(Quota::concurrent(PLACES), Strategy::FixedWindow).with_lease(LEASE),
            lease: LEASE,
            held: Vec::new(),
        }
    }

    /// Takes the places as another client.
    pub(crate) fn of(self, key: Key) -> Self {
        Self { key, ..self }
    }

    /// The same with leases that last longer than an election on a busy machine, until lost places are to end.
    pub(crate) fn through_elections(mut self) -> Self {
        self.lease = LONG_LEASE;
        self.set_lease(LONG_LEASE);
        self
    }

    /// Sets the lease of all places, also of those that are taken: Redis keeps the instants at which they were renewed.
    fn set_lease(&mut self, lease: Duration) {
        self.policy = self.policy.clone().with_lease(lease);
    }

    /// Returns how many places this process knows of.
    pub(crate) fn held(&self) -> u64 {
        self.held.len().try_into().expect("a few")
    }

    fn hit(&self, cost: u64) -> Hit<'_> {
        Hit::new(&self.scope, &self.key, &self.policy).cost(cost).reserved(true)
    }

    async fn decide(&self, cost: u64) -> Result<Window, StorageError> {
        self.decide_by(&self.patient, cost).await
    }

    async fn decide_by(&self, storage: &impl Storage, cost: u64) -> Result<Window, StorageError> {
        let hits = [self.hit(cost)];
        Ok(storage.decide(&Batch::new(&hits), Timestamp::default()).await?.limits()[0])
    }

    pub(crate) async fn take(&mut self) {
        // A driver may still look for its server.
        let before = self.taken().await;
        let window = self.decide(1).await.expect("the server answers");
        assert!(window.is_allowed() && before < PLACES);
        let stamp = Refund::new(self.hit(1), &window).stamp;
        self.held.push((window, stamp));
    }

    /// Takes all that are left, and no more.
    pub(crate) async fn fill(&mut self) {
        while self.taken().await < PLACES {
            self.take().await;
        }
        assert!(!self.decide(1).await.expect("the server answers").is_allowed());
    }

    /// Takes places while the server does not answer, until the breaker opens. Returns how many may be taken there.
    pub(crate) async fn take_in_vain(&self) -> u64 {
        let mut times = 0;
        while !self.prompt.is_open() {
            assert!(self.decide_by(&self.prompt, 1).await.is_err(), "the server does not answer");
            times += 1;
        }
        times
    }

    pub(crate) async fn recover(&self) {
        let start = Instant::now();
        while self.prompt.is_open() || self.patient.is_open() {
            assert!(start.elapsed() < FOR_EVER, "it is left alone for ever");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Renews the places that are held. Those that have ended are held no longer.
    pub(crate) async fn renew(&mut self) {
        let refunds: Vec<_> = self.held.iter().map(|(window, stamp)| self.refund(window, *stamp)).collect();
        let renewed = self.answered(async || self.patient.renew(&refunds, Timestamp::default()).await).await;
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
        self.patient.refund(&refunds, Timestamp::default()).await.expect("the server answers");
    }

    /// Returns how many places are taken.
    pub(crate) async fn taken(&self) -> u64 {
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

    /// Checks the places after a fault in which `lost` may have been taken in vain: those that are held stay, and
    /// nobody knows of the others, which end by themselves.
    pub(crate) async fn settle(&mut self, lost: u64) {
        self.recover().await;
        let recovered = Instant::now();
        self.renew().await;
        let (held, taken) = (self.held(), self.taken().await);
        assert!(
            held <= taken && taken <= held + lost,
            "{held} are held, {lost} were in vain, {taken} are taken"
        );
        self.set_lease(LEASE);
        while self.taken().await > self.held() {
            assert!(recovered.elapsed() < LEASE + BEYOND, "a place is lost");
            self.renew().await;
            tokio::time::sleep(LEASE / 40).await;
        }
        self.set_lease(self.lease);
    }

    /// Forgets all places, as if the process was killed, and waits until they have ended.
    pub(crate) async fn end(&mut self) {
        self.held.clear();
        self.set_lease(LEASE);
        let forgotten = Instant::now();
        while self.taken().await > 0 {
            assert!(forgotten.elapsed() < LEASE + BEYOND, "a place is lost");
            tokio::time::sleep(LEASE / 40).await;
        }
    }
}

/// Frozen, a process loses no place that it renews in time, and one that it does not know of ends with its lease. Killed,
/// the server forgets or keeps them, and no renewal brings one back.
pub(crate) async fn last_as_long_as_their_leases<S: Server>() {
    let mut server = S::start();
    let mut places = Places::<S>::new(server.storage());
    if !places.patient.has_leases() {
        return;
    }
    for _ in 0..3 {
        places.take().await;
    }
    assert_eq!(places.taken().await, 3);

    server.freeze();
    let lost = places.take_in_vain().await;
    server.thaw();
    places.settle(lost).await;
    places.free_all().await;
    while places.held() < 2 {
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
    let (held, taken) = (places.held(), places.taken().await);
    assert!(held <= taken && taken <= 2 + lost, "{held} of 2 are held, {taken} are taken");
    places.free_all().await;
    places.end().await;
}
