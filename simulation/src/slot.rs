//! A server with its part of the counts, and its replica.

use std::{sync::Arc, time::Duration};

use limiter_core::{
    Timestamp,
    storage::{Batch, Decision, MemoryStorage, Storage},
};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{call::Call, scenario::Scenario};

/// A server that does one thing at a time.
pub(crate) struct Slot {
    started: Instant,
    /// The time that the clock of the server shows at the start.
    epoch: Timestamp,
    state: Mutex<State>,
}

struct State {
    primary: Arc<MemoryStorage>,
    replica: Arc<MemoryStorage>,
    /// The number of failovers so far.
    life: u64,
    is_down: bool,
    busy_until: Instant,
}

impl Slot {
    pub(crate) fn new(epoch: Timestamp) -> Self {
        let now = Instant::now();
        let state = State {
            primary: Arc::default(),
            replica: Arc::default(),
            life: 0,
            is_down: false,
            busy_until: now,
        };
        Self { started: now, epoch, state: Mutex::new(state) }
    }

    /// Returns the time that the clock of the server shows.
    pub(crate) fn now(&self) -> Timestamp {
        self.epoch.after(self.started.elapsed())
    }

    /// Executes a call once it is its turn. Returns `None` if the server is down: then there is no answer.
    pub(crate) async fn execute(self: &Arc<Self>, call: &Arc<Call>) -> Option<Option<Decision>> {
        let life = self.state.lock().life;
        sleep_until(self.turn()).await;
        let now = self.now();
        let (primary, replica) = {
            let state = self.state.lock();
            if state.is_down || state.life != life {
                return None;
            }
            (Arc::clone(&state.primary), Arc::clone(&state.replica))
        };
        let decision = perform(&primary, call, now);
        self.replicate(replica, call, now, life);
        Some(decision)
    }

    /// Returns when the server has completed what came before, and this call.
    fn turn(&self) -> Instant {
        let mut state = self.state.lock();
        state.busy_until = state.busy_until.max(Instant::now()) + Scenario::SERVICE;
        state.busy_until
    }

    /// Repeats a call on the replica, unless that has become the primary before.
    fn replicate(self: &Arc<Self>, replica: Arc<MemoryStorage>, call: &Arc<Call>, now: Timestamp, life: u64) {
        let (slot, call) = (Arc::clone(self), Arc::clone(call));
        tokio::spawn(async move {
            sleep(Scenario::REPLICATION).await;
            if slot.state.lock().life == life {
                perform(&replica, &call, now);
            }
        });
    }

    /// Ends the server. After a while its replica takes over, and gets an empty one.
    pub(crate) async fn fail_over(&self, pause: Duration) {
        {
            let mut state = self.state.lock();
            state.is_down = true;
            state.life += 1;
        }
        sleep(pause).await;
        let mut state = self.state.lock();
        state.primary = std::mem::take(&mut state.replica);
        state.busy_until = Instant::now();
        state.is_down = false;
    }
}

/// Performs a call. Returns the decision, if it was for one.
fn perform(memory: &MemoryStorage, call: &Call, now: Timestamp) -> Option<Decision> {
    let refunds = call.refunds();
    if refunds.is_empty() {
        let hits = call.hits();
        return Some(memory.decide(&Batch::new(&hits), now));
    }
    // A refund in memory answers at once.
    drop(Storage::refund(memory, &refunds, now));
    None
}
