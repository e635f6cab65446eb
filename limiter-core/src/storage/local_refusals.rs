//! A wrapper for remote storages that repeats recent refusals without a round trip.

use std::{fmt, sync::Arc};

mod entry;
mod table;

use self::table::{QueryStart, WindowTable};
use super::{
    Answer, Batch, Decision, Hit, Note, NoteList, Refund, Renewal, Storage, StorageError, Verdict,
    at_end::finally,
};
use crate::{Key, Policy, PolicyError, Scope, Strategy, Timestamp, Window};

/// Remembers recent refusals of a storage and repeats them without calling it.
///
/// It refuses a batch only if one of its limits refused the same client before, at this cost or a smaller one. The
/// refusal lasts for the wait that the storage reported, and for at most 2 s. The wrapper calls the storage
/// nevertheless if
///
/// * a limit has the elastic strategy, or the batch has hits on refusal and no guard refuses, so that a refusal
///   changes counts there;
/// * the cost of the refusing limit is only [reserved](Hit::reserved), so that quota may be free again at any time, or the limit is
///   [metered](Policy::with_metered);
/// * the windows of some limits of the batch are unknown here.
///
/// A repeated refusal reports the remembered windows, counted down by the time since the storage was called. So it
/// never lasts longer than that of the storage. A test always goes to the storage.
///
/// Calls to clear, reset or refund through this wrapper take effect here at once. Those of other processes take
/// effect after at most 2 s. The reports of limits that did not refuse may be as old as that.
///
/// The table has a fixed size, a few thousand limits of clients, and is allocated at the first refusal. If more
/// limits refuse, the storage is called more often.
pub struct LocalRefusals {
    storage: Arc<dyn Storage>,
    table: WindowTable,
    on_refusal: fn(),
}

impl LocalRefusals {
    /// Wraps a storage.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, table: WindowTable::default(), on_refusal: || {} }
    }

    /// Sets a function to call for each batch that is refused here, for example to count it.
    #[must_use]
    pub fn on_refusal(mut self, called: fn()) -> Self {
        self.on_refusal = called;
        self
    }

    /// Returns the refusal of a batch, or `None` if the storage must decide it.
    fn refuse(&self, batch: &Batch<'_>, now: Timestamp) -> Option<Decision> {
        if !self.table.is_used() || batch.limits.iter().any(|hit| hit.policy.is_charging()) {
            return None;
        }
        let guards = self.table.windows(batch.guards, now)?;
        let limits = self.table.windows(batch.limits, now)?;
        let refuse = |hits: &[Hit<'_>], windows: &[Window]| {
            hits.iter().zip(windows).any(|(hit, window)| !hit.shadow && !window.is_allowed())
        };
        let verdict = if refuse(batch.guards, &guards) {
            Verdict::RefusedByGuard
        } else if leaves_no_trace(batch) && refuse(batch.limits, &limits) {
            Verdict::Refused
        } else {
            return None;
        };
        Some(Decision::new(verdict, guards, limits))
    }

    /// Forgets all refusals, now and when the answer is there or dropped.
    fn forget_around<'a, T: Unpin + Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        self.table.forget_all();
        finally(answer, || self.table.forget_all())
    }

    /// Remembers the windows of a refused batch, and forgets those that the batch changed.
    fn update(&self, batch: &Batch<'_>, decision: &Decision, start: QueryStart) {
        match decision.verdict() {
            Verdict::Admitted => self.table.forget(batch.limits.iter().filter(|hit| hit.cost > 0)),
            Verdict::Refused => {
                self.table.remember(batch.limits, decision.limits(), start);
                self.table.forget(batch.on_refusal);
            }
            Verdict::RefusedByGuard => {
                self.table.remember(batch.guards, decision.guards(), start);
                self.table.remember(batch.limits, decision.limits(), start);
            }
        }
    }
}

/// Returns whether a refusal of the batch by its limits changes nothing in the storage.
fn leaves_no_trace(batch: &Batch<'_>) -> bool {
    let is_elastic = |hit: &Hit<'_>| hit.policy.strategy() == Strategy::FixedWindowElasticExpiry;
    batch.guards.is_empty() && batch.on_refusal.is_empty() && !batch.limits.iter().any(is_elastic)
}

/// Runs `work` on an answer once it is ready, even if it is an error.
fn then<'a, T: Unpin + Send + 'a>(
    answer: Answer<'a, T>,
    work: impl FnOnce(&Result<T, StorageError>) + Send + 'a,
) -> Answer<'a, T> {
    match answer {
        Answer::Ready(answer) => {
            work(&answer);
            Answer::Ready(answer)
        }
        pending @ Answer::Pending(_) => Answer::Pending(Box::pin(async move {
            let answer = pending.await;
            work(&answer);
            answer
        })),
    }
}

impl Storage for LocalRefusals {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        if batch.is_test() {
            return self.storage.decide(batch, now);
        }
        if let Some(decision) = self.refuse(batch, now) {
            (self.on_refusal)();
            return Answer::ready(decision);
        }
        let start = self.table.query_start(now);
        then(self.storage.decide(batch, now), move |decision| {
            if let Ok(decision) = decision {
                self.update(batch, decision, start);
            }
        })
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        let forget = move || self.table.forget_with_answers(taken.iter().map(|taken| &taken.hit));
        forget();
        finally(self.storage.refund(taken, now), forget)
    }

    fn has_leases(&self) -> bool {
        self.storage.has_leases()
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        self.storage.renew(taken, now)
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        let forget = move || self.table.forget_with_answers(hits);
        forget();
        finally(self.storage.clear(hits), forget)
    }

    /// Forgets all refusals, since those of a client cannot be found.
    fn clear_client<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, bool> {
        self.forget_around(self.storage.clear_client(client, within))
    }

    fn client_scopes<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, Option<Vec<String>>> {
        self.storage.client_scopes(client, within)
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.forget_around(self.storage.reset())
    }

    fn flush(&self, now: Timestamp) -> Answer<'_, ()> {
        self.storage.flush(now)
    }

    fn probe(&self) -> Answer<'_, ()> {
        self.storage.probe()
    }

    fn has_notes(&self) -> bool {
        self.storage.has_notes()
    }

    fn notes<'a>(
        &'a self,
        list: &'a str,
        known: Option<u64>,
        now: Timestamp,
    ) -> Answer<'a, Option<NoteList>> {
        self.storage.notes(list, known, now)
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        self.storage.put_note(list, note, max, now)
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        self.storage.remove_note(list, name, now)
    }

    fn servers(&self) -> Option<String> {
        self.storage.servers()
    }

    fn has_deadline(&self) -> bool {
        self.storage.has_deadline()
    }

    fn is_local(&self) -> bool {
        self.storage.is_local()
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        self.storage.check(policy)
    }
}

impl fmt::Debug for LocalRefusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalRefusals").field("storage", &self.storage).finish_non_exhaustive()
    }
}
