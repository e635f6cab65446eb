//! The usage of a request under metered limits, which is known later than the decision.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_web::{HttpMessage, HttpRequest};
use futures_util::FutureExt;
use limiter_core::{
    Key, Timestamp, Window,
    log::{event, shown},
    storage::{Batch, Hit, OwnedHit, Refund, Storage, StorageError},
};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use super::charge::Charge;
use crate::{
    deadline::{OF_REQUESTS, in_time},
    reservations::Reservation,
    settings::{Config, backend::Backend},
    tasks::spawn_on,
};

/// Reports what a request has used of its [metered](crate::Limit::metered) limits: tokens of a language model, rows,
/// bytes.
///
/// It is an extractor. Clones report for the same request, and may move into the stream of a body or into another
/// thread. The limiter settles the usage when the request has its response and all clones are dropped, so for a stream
/// that owns one when the body has been sent, or the client has left. If less was used than reserved, the rest is
/// refunded; if more, it is charged beyond the limit. If nothing is reported, the reservation stays.
///
/// Under no metered limit, reports have no effect.
///
/// ```
/// use actix_web::{HttpResponse, post};
/// use limiter_actix::{Usage, limit};
///
/// # async fn complete(prompt: &str) -> (String, u64) { (prompt.to_owned(), 42) }
/// #[limit("100000/hour", metered, cost = 500)]
/// #[post("/completions")]
/// async fn completions(prompt: String, usage: Usage) -> HttpResponse {
///     let (text, tokens) = complete(&prompt).await;
///     usage.set(tokens);
///     HttpResponse::Ok().body(text)
/// }
/// ```
#[derive(Clone)]
pub struct Usage(Arc<Meter>);

/// The usage of one request, and the counts that it is to be settled with.
struct Meter {
    /// The used amount, or [`UNREPORTED`].
    used: AtomicU64,
    counts: Mutex<Vec<MeteredCount>>,
}

const UNREPORTED: u64 = u64::MAX;

/// A count, with what a request has reserved of it.
struct MeteredCount {
    /// The hit that has reserved it.
    hit: OwnedHit,
    window: Window,
    /// `true` if the count is in the limiter's storage, not in the fallback memory.
    is_in_storage: bool,
    config: Arc<Config>,
    /// The runtime of the worker, for remote storages.
    runtime: Option<Handle>,
    /// Ends once the usage is settled.
    _reservation: Option<Arc<Reservation>>,
}

impl Usage {
    /// Returns the usage of a request.
    pub fn of(req: &HttpRequest) -> Self {
        let mut extensions = req.extensions_mut();
        if let Some(usage) = extensions.get::<Self>() {
            return usage.clone();
        }
        let usage = Self(Arc::new(Meter { used: AtomicU64::new(UNREPORTED), counts: Mutex::default() }));
        extensions.insert(usage.clone());
        usage
    }

    /// Reports that the request has used so much in all. Replaces earlier reports.
    pub fn set(&self, used: u64) {
        self.0.used.store(used.min(UNREPORTED - 1), Ordering::Relaxed);
    }

    /// Reports that the request has used so much more.
    pub fn add(&self, used: u64) {
        let sum = |before| {
            let before = if before == UNREPORTED { 0 } else { before };
            Some(used.saturating_add(before).min(UNREPORTED - 1))
        };
        // It never fails, since `sum` always returns a value.
        let _ = self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
    }

    /// Returns the amount reported so far, or `None` if none was.
    pub fn reported(&self) -> Option<u64> {
        self.0.reported()
    }

    /// Settles a charge, once all clones are dropped.
    pub(crate) fn track(&self, charge: &Charge, client: &Key, config: &Arc<Config>) {
        let Some(window) = charge.window.filter(|_| charge.is_taken()) else { return };
        self.0.counts.lock().push(MeteredCount {
            hit: OwnedHit::from(&charge.hit(client)),
            window,
            is_in_storage: charge.is_in_storage(),
            config: Arc::clone(config),
            runtime: Handle::try_current().ok(),
            _reservation: charge.reservation().cloned(),
        });
    }
}

/// Shows the amount only.
impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Usage").field(&self.reported()).finish()
    }
}

impl Meter {
    fn reported(&self) -> Option<u64> {
        Some(self.used.load(Ordering::Relaxed)).filter(|used| *used != UNREPORTED)
    }
}

/// The last clone settles, wherever it is dropped.
impl Drop for Meter {
    fn drop(&mut self) {
        let Some(used) = self.reported() else { return };
        for count in self.counts.get_mut().drain(..).filter(|count| count.hit.as_hit().cost != used) {
            count.settle(used);
        }
    }
}

impl MeteredCount {
    /// Settles in memory at once, and in a remote storage by a task.
    fn settle(self, used: u64) {
        let settings = &self.config.settings;
        let now = settings.clock.now();
        match &settings.storage {
            Backend::Remote { storage, .. } if self.is_in_storage => {
                let (storage, runtime) = (Arc::clone(storage), self.runtime.clone());
                let task = SettlementTask { count: self, used, now, is_sent: false };
                match runtime {
                    Some(runtime) => drop(spawn_on(&runtime, Box::pin(task.send(storage)))),
                    // Dropping the task logs it.
                    None => drop(task),
                }
            }
            // The memory storage is done when it returns.
            storage => drop(self.correct(&**storage.memory(), used, now).now_or_never()),
        }
    }

    /// Refunds what was not used, or charges what was used beyond the reservation.
    async fn correct(&self, storage: &dyn Storage, used: u64, now: Timestamp) -> Result<(), StorageError> {
        let Hit { scope, key, policy, cost: reserved, .. } = self.hit.as_hit();
        if let Some(unused) = reserved.checked_sub(used) {
            let refunds = [Refund::new(Hit::new(scope, key, policy).cost(unused), &self.window)];
            return in_time(storage, storage.refund(&refunds, now), OF_REQUESTS).await;
        }
        let charging = policy.charging();
        let hits = [Hit::new(scope, key, &charging).cost(used - reserved)];
        in_time(storage, storage.decide(&Batch::new(&hits), now), OF_REQUESTS).await.map(drop)
    }
}

/// The settlement of a count in a remote storage. Logs a warning if it fails, or if it is dropped unsent.
struct SettlementTask {
    count: MeteredCount,
    used: u64,
    now: Timestamp,
    is_sent: bool,
}

impl SettlementTask {
    async fn send(mut self, storage: Arc<dyn Storage>) {
        let settled = self.count.correct(&*storage, self.used, self.now).await;
        self.is_sent = true;
        if let Err(error) = settled {
            self.count.config.health.count_error(&error);
            self.log_lost(&error.with_causes());
        }
    }

    fn log_lost(&self, error: &dyn fmt::Display) {
        event!(
            self.count.config.settings.telemetry.lines.refund_failed.permit(self.now),
            WARN,
            error = shown(error),
            "usage was not settled: the reservation stays charged until its window ends"
        );
    }
}

/// A worker that shuts down drops its tasks unfinished.
impl Drop for SettlementTask {
    fn drop(&mut self) {
        if !self.is_sent {
            self.log_lost(&"its task ended early, as in a worker that shuts down");
        }
    }
}
