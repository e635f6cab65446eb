//! The leases of requests under way: renewed while they last, and freed when they end.

mod renewal;

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use limiter_core::{
    Clock,
    log::{Throttle, event, shown},
    storage::{MemoryStorage, Refund, Storage, StorageError},
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use self::renewal::RenewalRound;
use super::hit::HeldHit;
use crate::{count_id::CountId, deadline::in_time};

/// The leases that this process holds in a storage that other processes share, and in the memory that replaces it.
///
/// A process that ends without a word renews them no more, so that they end.
pub(crate) struct HeldLeases {
    storage: Arc<dyn Storage>,
    memory: Arc<MemoryStorage>,
    clock: Arc<dyn Clock>,
    pub(super) duration: Duration,
    state: Mutex<LeaseState>,
    /// Held while ended leases are sent to the storage.
    sending: tokio::sync::Mutex<()>,
    /// Wakes a keeper that sends them.
    pub(super) ended: Arc<Notify>,
    failed: Throttle,
}

#[derive(Default)]
struct LeaseState {
    held: HashMap<u64, Lease>,
    next_number: u64,
    /// Leases that have ended, to be freed in the storage.
    ended: Vec<EndedLease>,
    /// For each count, the number of leases that have ended and are not freed yet.
    unfreed: HashMap<CountId, usize>,
    last_renewal: Option<Instant>,
}

struct Lease {
    hit: Arc<HeldHit>,
    /// `None` once the storage has no such lease.
    stamp: Option<u64>,
    is_in_memory: bool,
    is_being_renewed: bool,
    has_ended: bool,
    /// The time until which the storage may have it under a stamp that it could not report.
    unclear_until: Option<Instant>,
}

struct EndedLease {
    hit: Arc<HeldHit>,
    stamp: u64,
}

/// The number of leases in one call of the storage.
const MAX_IN_CALL: usize = 64;

/// The deadline of a call for storages that have none of their own. No request waits for it.
const DEADLINE: Duration = Duration::from_secs(1);

impl HeldLeases {
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        memory: &Arc<MemoryStorage>,
        clock: &Arc<dyn Clock>,
        duration: Duration,
    ) -> Self {
        Self {
            storage,
            memory: Arc::clone(memory),
            clock: Arc::clone(clock),
            duration,
            state: Mutex::default(),
            sending: tokio::sync::Mutex::default(),
            ended: Arc::default(),
            failed: Throttle::of("L044"),
        }
    }

    /// Begins the lease of an admitted hit. Returns its number.
    pub(super) fn begin(&self, hit: HeldHit, is_in_memory: bool) -> u64 {
        let lease = Lease {
            stamp: Some(hit.first_stamp()),
            hit: Arc::new(hit),
            is_in_memory,
            is_being_renewed: false,
            has_ended: false,
            unclear_until: None,
        };
        let mut state = self.state.lock();
        let number = state.next_number;
        state.next_number += 1;
        state.held.insert(number, lease);
        number
    }

    /// Returns whether a lease of this count has ended and may not be free yet.
    pub(crate) fn is_freeing(&self, count: &CountId) -> bool {
        self.state.lock().unfreed.contains_key(count)
    }

    /// Ends a lease. A keeper frees it.
    pub(super) fn end(&self, number: u64) {
        let mut state = self.state.lock();
        match state.held.get_mut(&number) {
            // Its stamp is about to change.
            Some(lease) if lease.is_being_renewed => {
                lease.has_ended = true;
                let count = lease.hit.count_id();
                *state.unfreed.entry(count).or_default() += 1;
                return;
            }
            Some(_) => {}
            None => return,
        }
        let Some(Lease { hit, stamp: Some(stamp), is_in_memory, .. }) = state.held.remove(&number) else {
            return;
        };
        if is_in_memory {
            drop(state);
            return hit.refund_in(&self.memory, stamp, &*self.clock);
        }
        *state.unfreed.entry(hit.count_id()).or_default() += 1;
        state.ended.push(EndedLease { hit, stamp });
        drop(state);
        self.ended.notify_one();
    }

    /// Frees the leases that have ended. Waits for those that are being freed.
    pub(crate) async fn free_ended(&self) {
        let _turn = self.sending.lock().await;
        loop {
            let ended = {
                let mut state = self.state.lock();
                let from = state.ended.len().saturating_sub(MAX_IN_CALL);
                state.ended.split_off(from)
            };
            if ended.is_empty() {
                return;
            }
            // Also if this is dropped, such as in a worker that shuts down.
            let freed = LeasesToFree { leases: self, ended };
            let refunds: Vec<Refund<'_>> =
                freed.ended.iter().map(|ended| ended.hit.refund(ended.stamp)).collect();
            let answer = self.storage.refund(&refunds, self.clock.now());
            if let Err(error) = in_time(&*self.storage, answer, DEADLINE).await {
                self.log(&error, "free");
            }
        }
    }

    /// Renews all leases, if that is due.
    pub(super) async fn renew_if_due(&self) {
        for numbers in self.begin_if_due().chunks(MAX_IN_CALL) {
            RenewalRound::begin(self, numbers).run().await;
        }
    }

    /// Returns the leases to renew, and notes that this begins.
    fn begin_if_due(&self) -> Vec<u64> {
        let (mut state, now) = (self.state.lock(), Instant::now());
        let is_due = state.last_renewal.is_none_or(|last| now.duration_since(last) >= self.duration / 3);
        if !is_due {
            return Vec::new();
        }
        state.last_renewal = Some(now);
        state.held.keys().copied().collect()
    }

    fn log(&self, error: &StorageError, call: &'static str) {
        event!(
            self.failed.permit_now(),
            WARN,
            call = call,
            error = shown(error.with_causes()),
            "leases of concurrent requests could not be freed or renewed: they end by themselves"
        );
    }
}

/// Ended leases that are being freed. When this is dropped, nothing more can be done for them.
struct LeasesToFree<'a> {
    leases: &'a HeldLeases,
    ended: Vec<EndedLease>,
}

impl Drop for LeasesToFree<'_> {
    fn drop(&mut self) {
        let mut state = self.leases.state.lock();
        for EndedLease { hit, .. } in &self.ended {
            state.note_freed(&hit.count_id());
        }
    }
}

impl LeaseState {
    fn note_freed(&mut self, count: &CountId) {
        if let Some(number) = self.unfreed.get_mut(count) {
            *number -= 1;
            if *number == 0 {
                self.unfreed.remove(count);
            }
        }
    }
}

impl fmt::Debug for HeldLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldLeases").field("duration", &self.duration).finish_non_exhaustive()
    }
}
