//! What stands before a storage on another machine, so that it is not asked in vain.

use std::{fmt, sync::Arc};

mod entry;
mod table;

use self::table::Table;
use super::{Answer, Batch, Decision, Hit, Refund, Storage, StorageError, Verdict};
use crate::{Policy, PolicyError, Strategy, Timestamp};

/// Remembers what a storage has refused, and refuses the same again for a while without asking it.
///
/// A batch is refused here only when one of its limits was refused before to the same client, at this cost or a
/// smaller one: for the wait that was told then, and for at most 5 s. The storage is asked all the same
///
/// * where the refusal would leave something undone there: with hits on refusal, unless a guard refuses, and with a
///   limit under the elastic strategy;
/// * for a limit whose cost is only [reserved](Hit::reserved), since it may be free again at any time;
/// * where it is not known how all the limits of the batch stand.
///
/// What is refused here is reported as it was then, counted down by the time that has passed since the storage was
/// asked. So nobody is refused for longer than by the storage. A look is never answered here.
///
/// What is cleared, reset or given back through here is forgotten at once; what another process does is known after
/// 5 s at the latest. Of the limits that did not refuse, reports may be as old as that.
///
/// It remembers a few thousand limits of clients, in a table of fixed size that comes with the first refusal. Where
/// more are refused, the storage is asked more often.
pub struct LocalRefusals {
    storage: Arc<dyn Storage>,
    table: Table,
    on_refusal: fn(),
}

impl LocalRefusals {
    /// Stands before a storage.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, table: Table::default(), on_refusal: || {} }
    }

    /// Calls a function for each batch that is refused here, so that it can be counted.
    #[must_use]
    pub fn on_refusal(mut self, called: fn()) -> Self {
        self.on_refusal = called;
        self
    }

    /// The decision that needs no storage.
    fn refuse(&self, batch: &Batch<'_>, now: Timestamp) -> Option<Decision> {
        if !self.table.is_used() {
            return None;
        }
        let guards = self.table.windows(batch.guards, now)?;
        let limits = self.table.windows(batch.limits, now)?;
        let refuse = |hits: &[Hit<'_>], windows: &[crate::Window]| {
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

    /// Remembers how the limits of a refused batch stand, and forgets what has changed.
    fn note(&self, batch: &Batch<'_>, decision: &Decision, asked: table::Asked) {
        match decision.verdict() {
            Verdict::Admitted => self.table.forget(batch.limits.iter().filter(|hit| hit.cost > 0)),
            Verdict::Refused => {
                self.table.remember(batch.limits, decision.limits(), asked);
                self.table.forget(batch.on_refusal);
            }
            Verdict::RefusedByGuard => {
                self.table.remember(batch.guards, decision.guards(), asked);
                self.table.remember(batch.limits, decision.limits(), asked);
            }
        }
    }
}

/// Whether a refusal of the batch by its limits changes nothing in the storage.
fn leaves_no_trace(batch: &Batch<'_>) -> bool {
    let is_elastic = |hit: &Hit<'_>| hit.policy.strategy() == Strategy::FixedWindowElasticExpiry;
    batch.guards.is_empty() && batch.on_refusal.is_empty() && !batch.limits.iter().any(is_elastic)
}

/// Does something with an answer once it is there, also with an error.
fn then<'a, T: Unpin + Send + 'a>(
    answer: Answer<'a, T>,
    work: impl FnOnce(&Result<T, StorageError>) + Send + 'a,
) -> Answer<'a, T> {
    match answer {
        Answer::Ready(answer) => {
            work(&answer);
            Answer::Ready(answer)
        }
        later @ Answer::Pending(_) => Answer::Pending(Box::pin(async move {
            let answer = later.await;
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
        let asked = self.table.asked(now);
        then(self.storage.decide(batch, now), move |decision| {
            if let Ok(decision) = decision {
                self.note(batch, decision, asked);
            }
        })
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        let forget = move || {
            self.table.begin_anew();
            self.table.forget(taken.iter().map(|taken| &taken.hit));
        };
        forget();
        then(self.storage.refund(taken, now), move |_| forget())
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        let forget = move || {
            self.table.begin_anew();
            self.table.forget(hits);
        };
        // Before, too: nobody may wait for the answer long enough.
        forget();
        then(self.storage.clear(hits), move |_| forget())
    }

    fn reset(&self) -> Answer<'_, ()> {
        let forget = || {
            self.table.begin_anew();
            self.table.forget_all();
        };
        forget();
        then(self.storage.reset(), move |_| forget())
    }

    fn probe(&self) -> Answer<'_, ()> {
        self.storage.probe()
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
