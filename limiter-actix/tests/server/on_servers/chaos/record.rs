//! The log of decisions, from which the invariants are checked.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

/// A point in time, in nanoseconds since the run began.
pub(super) type Time = u64;

/// Who decided a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Server,
    /// The memory of the process, since the server did not.
    Memory,
    /// The limit allows or denies without a decision.
    Nobody,
}

/// A client of a limit. Clients of the first lane are new in each epoch, others last for several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Client {
    pub(super) lane: u32,
    pub(super) number: u32,
}

/// A request as its client saw it.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) process: usize,
    pub(super) kind: usize,
    pub(super) client: Client,
    pub(super) began: Time,
    pub(super) answered: Time,
    /// Shortly before its response was dropped.
    pub(super) ended: Time,
    /// 0 if there was no answer in time.
    pub(super) status: u16,
    pub(super) by: By,
}

impl Decision {
    pub(super) fn is_admitted(&self) -> bool {
        self.status == 200
    }

    pub(super) fn took(&self) -> Duration {
        Duration::from_nanos(self.answered - self.began)
    }
}

/// What all threads of a run share.
#[derive(Debug)]
pub(super) struct Run {
    start: Instant,
    epoch: AtomicU32,
    is_over: AtomicBool,
    /// Tasks that send requests.
    loads: AtomicUsize,
    log: Mutex<Vec<Decision>>,
}

/// Epochs that clients of each lane last, as powers of two.
const LANES: [u32; 3] = [0, 1, 3];

/// The number of lanes.
pub(super) const LANE_COUNT: u64 = LANES.len() as u64;

impl Run {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            epoch: AtomicU32::default(),
            is_over: AtomicBool::default(),
            loads: AtomicUsize::default(),
            log: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Time {
        u64::try_from(self.start.elapsed().as_nanos()).expect("a run ends within centuries")
    }

    /// The client of this lane now.
    pub(super) fn client(&self, lane: u32) -> Client {
        Client { lane, number: self.epoch.load(SeqCst) >> LANES[lane as usize] }
    }

    pub(super) fn begin_epoch(&self) {
        self.epoch.fetch_add(1, SeqCst);
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(SeqCst)
    }

    /// A task begins to send requests.
    pub(super) fn begin_load(&self) {
        self.loads.fetch_add(1, SeqCst);
    }

    /// A task has ended, with all of its requests.
    pub(super) fn end_load(&self) {
        self.loads.fetch_sub(1, SeqCst);
    }

    /// Whether all requests of the load are in the log.
    pub(super) fn is_settled(&self) -> bool {
        self.loads.load(SeqCst) == 0
    }

    pub(super) fn log(&self, decision: Decision) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(decision);
    }

    /// All decisions so far.
    pub(super) fn take_log(&self) -> Vec<Decision> {
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
