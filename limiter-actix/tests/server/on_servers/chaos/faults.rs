//! Faults at random, one after the other, and the time between them.

use std::{
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use limiter_test_support::random::Random;

use super::{
    FOR_EVER,
    losses::{Loss, Losses},
    process::Process,
    record::Run,
    recovery,
    servers::Servers,
};

/// What happens to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Until its replica is promoted.
    KillPrimary,
    /// The same; when it goes on, it takes itself for the primary.
    FreezePrimary,
    /// It loses all.
    RestartPrimary,
    /// Clients and its replica do not reach it; under Sentinel, neither do the sentinels.
    CutPrimary,
    /// For too short a time to be replaced.
    StumblePrimary,
    SlowPrimary,
    /// Connections end in the middle of answers.
    CutAnswers,
    KillReplica,
    FreezeReplica,
    FreezeSentinel,
}

/// After these, clients need to find another primary.
const PROMOTING: [Fault; 3] = [Fault::KillPrimary, Fault::FreezePrimary, Fault::CutPrimary];

const OTHERS: [Fault; 7] = [
    Fault::RestartPrimary,
    Fault::StumblePrimary,
    Fault::SlowPrimary,
    Fault::CutAnswers,
    Fault::KillReplica,
    Fault::FreezeReplica,
    Fault::FreezeSentinel,
];

/// The servers, and all that happens to them.
pub(super) struct Chaos<'a> {
    servers: Servers,
    losses: Losses,
    run: Arc<Run>,
    processes: &'a [Process],
    random: Random,
    /// Those to come, the next one last.
    deck: Vec<Fault>,
    pub(super) faults: Vec<Fault>,
}

impl<'a> Chaos<'a> {
    pub(super) fn begin(servers: Servers, run: Arc<Run>, processes: &'a [Process], random: Random) -> Self {
        let losses = wait_for("the replicas follow", || Losses::begin(&servers, &run));
        let mut this = Self { servers, losses, run, processes, random, deck: Vec::new(), faults: Vec::new() };
        this.heal();
        this
    }

    /// A fault, its end, and a while without one.
    pub(super) fn step(&mut self) {
        let fault = self.draw();
        self.faults.push(fault);
        // The replica may be promoted after the fault that was the reason. The next one would hit the other server than it is
        // meant for, and what that loses would be seen by nobody.
        self.become_whole();
        self.cause(fault);
        self.heal();
        self.calm();
    }

    /// Returns all that was lost, and the servers, which the processes still need.
    pub(super) fn end(mut self) -> (Vec<Loss>, Servers) {
        self.run.end();
        self.heal();
        (self.losses.all, self.servers)
    }

    /// Draws the next fault. Those that promote a replica come often, and first.
    fn draw(&mut self) -> Fault {
        if self.deck.is_empty() {
            let mut others = OTHERS;
            self.random.shuffle(&mut others);
            for pair in others.chunks(2) {
                self.deck.extend(pair);
                self.deck.push(*self.random.of(&PROMOTING));
            }
        }
        self.deck.pop().expect("it has just been filled")
    }

    fn cause(&mut self, fault: Fault) {
        let shard = usize::try_from(self.random.below(self.servers.shards() as u64)).expect("there are few");
        let primary = self.losses.primary(shard);
        let replica = 1 - primary;
        match fault {
            Fault::KillPrimary => {
                self.servers.node_mut(shard, primary).kill();
                self.wait_for_promotion(shard, replica);
                self.pause(0, 600);
                self.servers.node_mut(shard, primary).restart();
            }
            Fault::FreezePrimary => {
                self.servers.node(shard, primary).freeze();
                self.wait_for_promotion(shard, replica);
                self.pause(0, 1000);
                self.servers.node(shard, primary).thaw();
            }
            Fault::RestartPrimary if self.servers.restarts_as_primary(primary) => {
                self.losses.expect_total(shard);
                self.servers.node_mut(shard, primary).kill();
                self.servers.node_mut(shard, primary).restart();
            }
            Fault::StumblePrimary | Fault::RestartPrimary => {
                self.servers.node(shard, primary).freeze();
                self.pause(50, 400);
                self.servers.node(shard, primary).thaw();
            }
            Fault::CutPrimary => {
                self.servers.proxy(shard, primary).cut();
                self.pause(300, 2000);
                self.servers.proxy(shard, primary).mend();
            }
            Fault::SlowPrimary => {
                let delay = Duration::from_millis(30 + self.random.below(220));
                self.servers.proxy(shard, primary).delay(delay);
                self.pause(300, 1000);
                self.servers.proxy(shard, primary).mend();
            }
            Fault::CutAnswers => {
                for _ in 0..8 {
                    self.servers.proxy(shard, primary).cut_after(self.random.below(600));
                    self.pause(20, 120);
                }
                self.servers.proxy(shard, primary).mend();
            }
            Fault::KillReplica => {
                self.servers.node_mut(shard, replica).kill();
                self.pause(0, 600);
                self.servers.node_mut(shard, replica).restart();
            }
            Fault::FreezeSentinel if self.servers.sentinels().is_some() => self.freeze_sentinel(),
            Fault::FreezeReplica | Fault::FreezeSentinel => {
                self.servers.node(shard, replica).freeze();
                self.pause(100, 800);
                self.servers.node(shard, replica).thaw();
            }
        }
    }

    fn freeze_sentinel(&mut self) {
        let place = usize::try_from(self.random.below(3)).expect("there are few");
        let frozen = |servers: &Servers, is_frozen| {
            let Some(sentinels) = servers.sentinels() else { return };
            if is_frozen { sentinels.freeze_sentinel(place) } else { sentinels.thaw_sentinel(place) }
        };
        frozen(&self.servers, true);
        self.pause(100, 800);
        frozen(&self.servers, false);
    }

    fn wait_for_promotion(&self, shard: usize, replica: usize) {
        wait_for("the replica is promoted", || {
            let info = self.servers.node(shard, replica).info("replication")?;
            info.contains("role:master").then_some(())
        });
    }

    fn pause(&mut self, least: u64, most: u64) {
        sleep(Duration::from_millis(least + self.random.below(most - least)));
    }

    /// Waits until all is as it was, and all processes are decided by the servers.
    fn heal(&mut self) {
        self.become_whole();
        recovery::wait(self.processes);
        self.look();
    }

    /// Waits until all replicas follow, and nothing is about to change that.
    fn become_whole(&mut self) {
        let Self { servers, losses, run, .. } = self;
        let mut is_whole = vec![false; servers.shards()];
        wait_for("the servers are whole", || {
            servers.demote_returned();
            // Before the look, which then sees what has ended.
            let are_calm = servers.are_calm();
            for (shard, is_whole) in is_whole.iter_mut().enumerate() {
                *is_whole = losses.look(servers, shard, run);
            }
            (are_calm && is_whole.iter().all(|it| *it)).then_some(())
        });
    }

    /// A while without a fault, in which many checkpoints bound the next loss.
    fn calm(&mut self) {
        self.run.begin_epoch();
        let (start, length) = (Instant::now(), Duration::from_millis(300 + self.random.below(500)));
        while start.elapsed() < length {
            self.look();
            sleep(Duration::from_millis(40));
        }
    }

    fn look(&mut self) {
        for shard in 0..self.servers.shards() {
            // If a replica is late for once, the checkpoint before holds.
            let _follows = self.losses.look(&self.servers, shard, &self.run);
        }
    }
}

fn wait_for<T>(what: &str, mut get: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(it) = get() {
            return it;
        }
        assert!(start.elapsed() < FOR_EVER, "waited {FOR_EVER:?} until {what}");
        sleep(Duration::from_millis(10));
    }
}
