//! A wrapper for remote storages that charges hot counts ahead of need.

use std::{fmt, sync::Arc};

mod account;
mod background;
#[cfg(test)]
mod model;
mod pace;
mod pool;
mod table;

use self::{background::Lessee, table::Digests};
use super::{
    Answer, Batch, Decision, Hit, Note, NoteList, Refund, Renewal, Storage, Verdict, at_end::finally,
};
use crate::{Key, Policy, PolicyError, Scope, Timestamp};

/// Charges hot counts ahead of need, and serves requests from these leases without calling the storage.
///
/// It leases counts whose [policy permits it](Policy::with_leases). A lease is a hit of many units, which the storage
/// admits as any other. Its units are handed out to requests while the window of that hit lasts, and at most for the
/// [duration of a lease](crate::Leases::duration). Unused ones are refunded then. So the storage never admits more than
/// the limit over all processes. Units are lost until their window ends if a process crashes with them, or if an answer
/// of the storage is lost.
///
/// A batch is served from leases if all of its limits are, and if it has no guards. Otherwise the storage decides it, in
/// one call as without leases.
///
/// How much is leased follows the pace of this process, and what remains. Little remains near the limit, so there are no
/// leases. Nor are there after a refusal, until the window ends.
///
/// Reports of requests that are served here may be as old as the lease: others have used more meanwhile.
///
/// It requires a Tokio runtime with time enabled, such as that of actix. Without one, nothing is leased.
pub struct LeaseStorage {
    lessee: Arc<Lessee>,
    on_decision: fn(),
}

impl LeaseStorage {
    /// Wraps a storage.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self { lessee: Arc::new(Lessee::new(storage)), on_decision: || {} }
    }

    /// Sets a function to call for each batch that is decided here, for example to count it.
    #[must_use]
    pub fn on_decision(mut self, called: fn()) -> Self {
        self.on_decision = called;
        self
    }

    fn storage(&self) -> &Arc<dyn Storage> {
        &self.lessee.storage
    }

    /// Decides a batch all of whose limits may be leased.
    fn decide_leasable<'a>(
        &'a self,
        batch: &'a Batch<'a>,
        digests: Digests,
        now: Timestamp,
    ) -> Answer<'a, Decision> {
        if let Some(windows) = self.lessee.table.take(batch.limits, &digests, now) {
            self.lessee.top_up(batch.limits, &digests, now);
            (self.on_decision)();
            return Answer::ready(Decision::from_windows(Verdict::Admitted, 0, windows));
        }
        match self.storage().decide(batch, now) {
            Answer::Ready(answer) => {
                if let Ok(decision) = &answer {
                    self.lessee.note(batch.limits, &digests, decision, now);
                }
                Answer::Ready(answer)
            }
            pending @ Answer::Pending(_) => Answer::Pending(Box::pin(async move {
                let decision = pending.await?;
                self.lessee.note(batch.limits, &digests, &decision, now);
                Ok(decision)
            })),
        }
    }
}

/// Returns the digests of the limits of a batch if all of them may be leased.
fn leasable(batch: &Batch<'_>) -> Option<Digests> {
    let may_be_leased = |hit: &Hit<'_>| hit.policy.leases().is_some() && !hit.policy.ignores(hit.cost);
    if batch.limits.is_empty() || !batch.guards.is_empty() || !batch.limits.iter().all(may_be_leased) {
        return None;
    }
    let digests: Digests = batch.limits.iter().map(Hit::digest).collect();
    // The reports of a count that is hit twice are of the time between both.
    let is_alone = |(index, digest)| !digests[..index].contains(digest);
    digests.iter().enumerate().all(is_alone).then_some(digests)
}

/// Forgets units around a call that clears their counts: before it, and when the answer is there or dropped.
///
/// The units are not refunded. In a window of the calendar, which is the same before and after, that would reduce the new
/// count.
fn forget_around<'a, T: Unpin + Send + 'a>(
    answer: Answer<'a, T>,
    forget: impl Fn() + Send + 'a,
) -> Answer<'a, T> {
    // The storage was not called, or has no way to clear.
    if matches!(answer, Answer::Ready(Err(_))) {
        return answer;
    }
    forget();
    finally(answer, forget)
}

impl Storage for LeaseStorage {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        match leasable(batch) {
            Some(digests) => self.decide_leasable(batch, digests, now),
            None => self.storage().decide(batch, now),
        }
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        self.storage().refund(taken, now)
    }

    fn has_leases(&self) -> bool {
        self.storage().has_leases()
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        self.storage().renew(taken, now)
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        let forget = move || self.lessee.table.forget(hits.iter().map(Hit::digest));
        forget_around(self.storage().clear(hits), forget)
    }

    fn clear_client<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, bool> {
        let forget = move || self.lessee.table.forget_client(client, within);
        match self.storage().clear_client(client, within) {
            // It has cleared none.
            none @ Answer::Ready(Ok(false)) => none,
            answer => forget_around(answer, forget),
        }
    }

    fn client_scopes<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, Option<Vec<String>>> {
        self.storage().client_scopes(client, within)
    }

    fn reset(&self) -> Answer<'_, ()> {
        forget_around(self.storage().reset(), || self.lessee.table.forget_all())
    }

    fn flush(&self, now: Timestamp) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(async move {
            self.lessee.flush(now).await?;
            self.storage().flush(now).await
        }))
    }

    fn probe(&self) -> Answer<'_, ()> {
        self.storage().probe()
    }

    fn has_notes(&self) -> bool {
        self.storage().has_notes()
    }

    fn notes<'a>(
        &'a self,
        list: &'a str,
        known: Option<u64>,
        now: Timestamp,
    ) -> Answer<'a, Option<NoteList>> {
        self.storage().notes(list, known, now)
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        self.storage().put_note(list, note, max, now)
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        self.storage().remove_note(list, name, now)
    }

    fn servers(&self) -> Option<String> {
        self.storage().servers()
    }

    fn has_deadline(&self) -> bool {
        self.storage().has_deadline()
    }

    fn is_local(&self) -> bool {
        self.storage().is_local()
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        self.storage().check(policy)
    }
}

impl fmt::Debug for LeaseStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseStorage").field("storage", self.storage()).finish_non_exhaustive()
    }
}
