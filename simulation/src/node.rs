//! A process: the storage as a limiter builds it, and the requests that it gets.

use std::{sync::Arc, time::Duration};

use limiter_core::{
    Leases, Policy, Quota, Scope, Strategy, Timestamp, Unit,
    storage::{
        Answer, Batch, Decision, Hit, LeaseStorage, LocalRefusals, MemoryStorage, Refund, Resilient, Storage,
    },
};
use parking_lot::Mutex;
use rand::{Rng, rngs::StdRng};
use rand_distr::{Distribution, Poisson, Zipf};
use tokio::time::{Instant, sleep};

use crate::{
    fleet::Servers,
    link::Link,
    scenario::{Planted, Scenario},
};

/// The clock of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    epoch: Timestamp,
    /// In a million of the right rate.
    rate: u32,
}

impl Clock {
    pub(crate) fn new(epoch: Timestamp, rate: u32) -> Self {
        Self { started: Instant::now(), epoch, rate }
    }

    fn now(self) -> Timestamp {
        self.epoch.after(self.started.elapsed() * self.rate / 1_000_000)
    }
}

/// A process of the fleet.
pub(crate) struct Node {
    index: usize,
    servers: Arc<Servers>,
    clock: Clock,
    scope: Scope,
    policy: Policy,
    planted: Planted,
    has_leases: bool,
    life: Mutex<Arc<Life>>,
}

/// A process from its start to its crash.
struct Life {
    link: Arc<Link>,
    storage: Arc<dyn Storage>,
    /// Decides while the storage fails.
    memory: MemoryStorage,
}

impl Life {
    /// Builds the storage as a limiter does.
    fn new(servers: &Arc<Servers>, node: usize, planted: Planted, has_leases: bool) -> Self {
        let link = Arc::new(Link::new(Arc::clone(servers), node, planted));
        let resilient = Resilient::new(Arc::clone(&link) as Arc<dyn Storage>);
        let storage: Arc<dyn Storage> = Arc::new(LocalRefusals::new(Arc::new(resilient)));
        let storage = if has_leases { Arc::new(LeaseStorage::new(storage)) } else { storage };
        Self { link, storage, memory: MemoryStorage::default() }
    }
}

impl Node {
    pub(crate) fn new(scenario: &Scenario, servers: &Arc<Servers>, index: usize, clock: Clock) -> Self {
        let Scenario { planted, has_leases, limit, window, .. } = *scenario;
        let quota = Quota::new(limit, window, Unit::Second);
        let leases = has_leases.then(Leases::default);
        Self {
            index,
            servers: Arc::clone(servers),
            clock,
            scope: Scope::new(["application"]),
            policy: Policy::new(quota, Strategy::FixedWindow).with_leases(leases),
            planted,
            has_leases,
            life: Mutex::new(Arc::new(Life::new(servers, index, planted, has_leases))),
        }
    }

    /// Ends the process with all that it has leased, and starts another one.
    pub(crate) fn crash(&self, servers: &Arc<Servers>) {
        let next = Arc::new(Life::new(servers, self.index, self.planted, self.has_leases));
        let ended = std::mem::replace(&mut *self.life.lock(), next);
        ended.link.cut();
    }

    /// Gets requests for ever.
    pub(crate) async fn run(self: Arc<Self>, scenario: Scenario, mut random: StdRng) {
        #[expect(clippy::cast_precision_loss, reason = "demands are small")]
        let per_tick = scenario.demand as f64 / scenario.nodes as f64 / 1000.0;
        #[expect(clippy::cast_precision_loss, reason = "there are few counts")]
        let counts = Zipf::new(scenario.counts as f64, 1.0).expect("there is a count");
        let (mut factor, mut changes_at) = (1.0, Instant::now());
        loop {
            if scenario.is_bursty && Instant::now() >= changes_at {
                factor = if factor > 1.0 { 0.1 } else { 1.9 };
                changes_at = Instant::now() + Duration::from_millis(random.random_range(100..1500));
            }
            let requests = Poisson::new(per_tick * factor).expect("a demand above 0").sample(&mut random);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a small whole number"
            )]
            for _ in 0..requests as u64 {
                let count = counts.sample(&mut random) as usize - 1;
                tokio::spawn(Arc::clone(&self).request(count));
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// One request for a count.
    async fn request(self: Arc<Self>, count: usize) {
        let life = Arc::clone(&self.life.lock());
        let (start, now) = (Instant::now(), self.clock.now());
        let hits = [Hit::new(&self.scope, &self.servers.keys[count], &self.policy)];
        let batch = Batch::new(&hits);
        let answer = match life.storage.decide(&batch, now) {
            Answer::Ready(answer) => {
                if let Ok(decision) = &answer {
                    self.check_is_in_time(count, &hits[0], decision);
                }
                answer
            }
            pending @ Answer::Pending(_) => pending.await,
        };
        if life.link.is_dead() {
            return;
        }
        let decision = answer.ok();
        let mut ledger = self.servers.ledger.lock();
        ledger.wait(start.elapsed().as_millis());
        match decision.as_ref().map(|decision| (decision.is_admitted(), decision.limits())) {
            Some((true, windows)) => ledger.admit(count, Refund::new(hits[0], &windows[0]).stamp),
            Some((false, _)) => ledger.refuse(count),
            None => {
                ledger.by_fallback += 1;
                drop(ledger);
                // One process alone cannot exceed the limit of all, so the result matters to nobody here.
                let _ = life.memory.decide(&batch, now);
            }
        }
    }

    /// Checks that a leased unit is used before its window ends on the server.
    fn check_is_in_time(&self, count: usize, hit: &Hit<'_>, decision: &Decision) {
        if !decision.is_admitted() {
            return;
        }
        let slot = self.servers.slot_of(&self.servers.keys[count]);
        // The stamp of a fixed window is its end.
        let ends_at = Refund::new(*hit, &decision.limits()[0]).stamp;
        if self.servers.slots[slot].now().as_nanos() >= ends_at {
            self.servers.ledger.lock().late += 1;
        }
    }
}
