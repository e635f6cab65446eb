use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, sleep},
};

use super::table::{LeaseTable, Order, Return};
use crate::{
    Timestamp,
    storage::{Batch, Decision, Hit, Storage, StorageError, Verdict},
};

/// The leases of a process, with the tasks that take and return them.
///
/// A lease is taken by a task of its own. A client that disconnects would otherwise drop the call with its units.
pub(super) struct Lessee {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) table: LeaseTable,
    started: Instant,
    /// The time of the caller when the process started, in nanoseconds, by the last call for a lease.
    ///
    /// It converts the time of the sweeper to the caller's. If that is wrong, units are refunded too early or too late,
    /// which is safe.
    offset: AtomicU64,
    is_swept: AtomicBool,
    /// The number of calls under way: for leases, and for their refunds in the background.
    calls: watch::Sender<usize>,
    /// The number of flushes under way, during which no call for a lease begins.
    flushes: AtomicUsize,
}

/// The pause of the sweeper, which refunds the units of leases that have ended.
const SWEEP: Duration = Duration::from_millis(50);

/// The number of units that [`Lessee::flush`] refunds in one call.
const MAX_RETURNS: usize = 64;

impl Lessee {
    pub(super) fn new(storage: Arc<dyn Storage>) -> Self {
        Self {
            storage,
            table: LeaseTable::default(),
            started: Instant::now(),
            offset: AtomicU64::default(),
            is_swept: AtomicBool::default(),
            calls: watch::Sender::default(),
            flushes: AtomicUsize::default(),
        }
    }

    /// Takes note of a decision of the storage, for which it was called at `called_at`.
    pub(super) fn note(
        self: &Arc<Self>,
        limits: &[Hit<'_>],
        digests: &[u128],
        decision: &Decision,
        called_at: Timestamp,
    ) {
        let windows = decision.limits();
        let returns = match decision.verdict() {
            Verdict::Admitted => {
                let returns = self.table.note_admitted(limits, digests, windows, called_at);
                self.top_up(limits, digests, called_at);
                returns
            }
            Verdict::Refused | Verdict::RefusedByGuard => {
                let refused = digests.iter().zip(windows).filter(|(_, window)| !window.is_allowed());
                let note = |(digest, window): (&u128, _)| {
                    self.table.note_refused(*digest, window, called_at.as_nanos())
                };
                refused.filter_map(note).collect()
            }
        };
        self.refund(returns);
    }

    /// Takes the leases that these limits need, in the background.
    pub(super) fn top_up(self: &Arc<Self>, limits: &[Hit<'_>], digests: &[u128], now: Timestamp) {
        for (hit, digest) in limits.iter().zip(digests) {
            if let Some(order) = self.table.begin_lease(hit, *digest, now) {
                let call = LeaseCall { under_way: UnderWay::begin(self), order: Some(order) };
                let Ok(runtime) = Handle::try_current() else { return };
                // After the call has begun: a flush waits for it, or is seen here.
                if self.flushes.load(Ordering::SeqCst) > 0 {
                    return;
                }
                self.offset.store(now.as_nanos().saturating_sub(self.nanos_since_start()), Ordering::Relaxed);
                runtime.spawn(call.run());
                self.sweep(&runtime);
            }
        }
    }

    /// Refunds all leases, also those on their way. No lease is taken meanwhile.
    pub(super) async fn flush(&self, now: Timestamp) -> Result<(), StorageError> {
        let _flush = Flush::begin(self);
        // The sender is here, so it does not fail.
        let _ = self.calls.subscribe().wait_for(|calls| *calls == 0).await;
        self.refund_in_chunks(&self.table.drain(), now).await
    }

    /// Refunds units. If some are not returned, the others are all the same.
    async fn refund_in_chunks(&self, returns: &[Return], now: Timestamp) -> Result<(), StorageError> {
        let mut result = Ok(());
        for returns in returns.chunks(MAX_RETURNS) {
            result = result.and(self.refund_now(returns, now).await);
        }
        result
    }

    /// Refunds units in the background. They are lost if that fails: a second try might refund them twice.
    fn refund(self: &Arc<Self>, returns: Vec<Return>) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !returns.is_empty() {
            let call = UnderWay::begin(self);
            runtime.spawn(async move {
                let _ = call.0.refund_now(&returns, call.0.now()).await;
            });
        }
    }

    async fn refund_now(&self, returns: &[Return], now: Timestamp) -> Result<(), StorageError> {
        let refunds: Vec<_> = returns.iter().map(Return::as_refund).collect();
        self.storage.refund(&refunds, now).await
    }

    /// Returns the time of the caller.
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.offset.load(Ordering::Relaxed).saturating_add(self.nanos_since_start()))
    }

    fn nanos_since_start(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Starts the sweeper, unless it is running.
    fn sweep(self: &Arc<Self>, runtime: &Handle) {
        if !self.is_swept.swap(true, Ordering::AcqRel) {
            let turn = SweepTurn(Arc::downgrade(self));
            runtime.spawn(sweep(turn));
        }
    }
}

/// A call under way, for which a flush waits. It also ends with its runtime.
struct UnderWay(Arc<Lessee>);

impl UnderWay {
    fn begin(lessee: &Arc<Lessee>) -> Self {
        lessee.calls.send_modify(|calls| *calls += 1);
        Self(Arc::clone(lessee))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.calls.send_modify(|calls| *calls -= 1);
    }
}

/// A flush under way. It ends even if its caller gives up.
struct Flush<'a>(&'a Lessee);

impl<'a> Flush<'a> {
    fn begin(lessee: &'a Lessee) -> Self {
        lessee.flushes.fetch_add(1, Ordering::SeqCst);
        Self(lessee)
    }
}

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        self.0.flushes.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A call for a lease. If it is dropped, its units are lost.
struct LeaseCall {
    under_way: UnderWay,
    order: Option<Order>,
}

impl LeaseCall {
    async fn run(mut self) {
        let Some(order) = &self.order else { return };
        let lessee = Arc::clone(&self.under_way.0);
        let hits = [order.hit.as_hit()];
        let decision = lessee.storage.decide(&Batch::new(&hits), order.called_at).await;
        let window = decision.as_ref().ok().and_then(|decision| decision.limits().first());
        let useless = lessee.table.end_lease(order, window);
        self.order = None;
        lessee.refund(useless.into_iter().collect());
    }
}

impl Drop for LeaseCall {
    fn drop(&mut self) {
        if let Some(order) = &self.order {
            let _ = self.under_way.0.table.end_lease(order, None);
        }
    }
}

/// Refunds the units of leases that have ended, until there are none or the storage is dropped.
async fn sweep(turn: SweepTurn) {
    loop {
        sleep(SWEEP).await;
        let Some(lessee) = turn.0.upgrade() else { return };
        lessee.refund(lessee.table.expire(lessee.now()));
        if !lessee.table.is_busy() {
            drop(turn);
            // A lease may have begun before the turn ended.
            if lessee.table.is_busy() {
                lessee.sweep(&Handle::current());
            }
            return;
        }
    }
}

/// The turn of one sweeper. It ends with the task, even if the runtime ends first.
struct SweepTurn(Weak<Lessee>);

impl Drop for SweepTurn {
    fn drop(&mut self) {
        if let Some(lessee) = self.0.upgrade() {
            lessee.is_swept.store(false, Ordering::Release);
        }
    }
}
