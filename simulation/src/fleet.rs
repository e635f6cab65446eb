//! The servers, the network and the processes of a simulation, and the faults between them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use limiter_core::{Key, Timestamp};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{runtime::Builder, time::sleep};

use crate::{
    ledger::Ledger,
    link::Way,
    node::{Clock, Node},
    scenario::{Faults, Planted, Scenario},
    slot::Slot,
};

/// 2026-01-01, 12:00 UTC.
const START: Timestamp = Timestamp::from_millis(1_767_268_800_000);

const MS: Duration = Duration::from_millis(1);

/// All that processes share.
pub(crate) struct Servers {
    pub(crate) slots: Vec<Arc<Slot>>,
    /// By process, then by server.
    ways: Mutex<Vec<Vec<Way>>>,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) keys: Vec<Key>,
    slots_by_key: HashMap<Key, usize>,
}

impl Servers {
    fn new(scenario: &Scenario, random: &mut StdRng) -> Self {
        let keys: Vec<_> = (0..scenario.counts).map(|count| Key::text("tenant", count)).collect();
        let slot = |(count, key): (usize, &Key)| (key.clone(), count % scenario.slots);
        let mut epoch = || if scenario.faults.skew { skewed(random) } else { START };
        Self {
            slots: (0..scenario.slots).map(|_| Arc::new(Slot::new(epoch()))).collect(),
            ways: Mutex::new(vec![vec![Way::default(); scenario.slots]; scenario.nodes]),
            ledger: Mutex::new(Ledger::new(scenario.limit)),
            slots_by_key: keys.iter().enumerate().map(slot).collect(),
            keys,
        }
    }

    /// Returns the server of a count.
    pub(crate) fn slot_of(&self, key: &Key) -> usize {
        self.slots_by_key.get(key).copied().unwrap_or(0)
    }

    /// Waits until a message has passed between a process and a server. Returns `false` if it is lost.
    pub(crate) async fn travel(&self, node: usize, slot: usize) -> bool {
        let way = self.ways.lock()[node][slot];
        way.travel().await
    }

    fn change(&self, node: usize, slot: usize, change: impl FnOnce(&mut Way)) {
        change(&mut self.ways.lock()[node][slot]);
    }
}

/// Returns a time that is up to an hour from the right one.
fn skewed(random: &mut StdRng) -> Timestamp {
    let an_hour_before = Timestamp::from_nanos(START.as_nanos() - 3600 * 1_000_000_000);
    an_hour_before.after(Duration::from_millis(random.random_range(0..7_200_000)))
}

/// Runs a scenario in simulated time. Returns what was decided. The same seed gives the same result.
pub(crate) fn run(scenario: &Scenario, seed: u64) -> Ledger {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(simulate(scenario, seed))
}

async fn simulate(scenario: &Scenario, seed: u64) -> Ledger {
    let mut random = StdRng::seed_from_u64(seed);
    let servers = Arc::new(Servers::new(scenario, &mut random));
    let mut nodes = Vec::new();
    for index in 0..scenario.nodes {
        let clock = clock(scenario, &mut random);
        let node = Arc::new(Node::new(scenario, &servers, index, clock));
        tokio::spawn(Arc::clone(&node).run(scenario.clone(), StdRng::seed_from_u64(random.random())));
        nodes.push(node);
    }
    cause_faults(scenario, &servers, &nodes, &mut random).await;
    std::mem::replace(&mut *servers.ledger.lock(), Ledger::new(scenario.limit))
}

fn clock(scenario: &Scenario, random: &mut StdRng) -> Clock {
    if scenario.planted == Planted::SlowClocks {
        return Clock::new(START, 900_000);
    }
    if scenario.faults.skew {
        return Clock::new(skewed(random), random.random_range(999_500..=1_000_500));
    }
    Clock::new(START, 1_000_000)
}

/// Causes a fault of each kind about every second, until the time of the scenario is over.
async fn cause_faults(scenario: &Scenario, servers: &Arc<Servers>, nodes: &[Arc<Node>], random: &mut StdRng) {
    for _ in 0..scenario.seconds {
        let (node, slot) = (random.random_range(0..scenario.nodes), random.random_range(0..scenario.slots));
        let length = MS * random.random_range(50..500);
        let Faults { partitions, slow_links, crashes, failovers, skew: _ } = scenario.faults;
        if partitions {
            tokio::spawn(change_for(Arc::clone(servers), node, slot, length, |way, is_on| {
                way.is_cut = is_on;
            }));
        }
        if slow_links {
            tokio::spawn(change_for(Arc::clone(servers), node, slot, length, |way, is_on| {
                way.is_slow = is_on;
            }));
        }
        if crashes {
            nodes[node].crash(servers);
        }
        if failovers {
            let slot = Arc::clone(&servers.slots[slot]);
            tokio::spawn(async move { slot.fail_over(length).await });
        }
        sleep(MS * random.random_range(700..1300)).await;
    }
}

async fn change_for(
    servers: Arc<Servers>,
    node: usize,
    slot: usize,
    length: Duration,
    change: fn(&mut Way, bool),
) {
    servers.change(node, slot, |way| change(way, true));
    sleep(length).await;
    servers.change(node, slot, |way| change(way, false));
}
