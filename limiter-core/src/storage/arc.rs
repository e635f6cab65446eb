use std::sync::Arc;

use super::{Answer, Batch, Decision, Hit, Note, NoteList, Refund, Renewal, Storage};
use crate::{Key, Policy, PolicyError, Scope, Timestamp};

/// Forwards every call to the shared storage.
impl<S: Storage + ?Sized> Storage for Arc<S> {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        (**self).decide(batch, now)
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        (**self).refund(taken, now)
    }

    fn has_leases(&self) -> bool {
        (**self).has_leases()
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        (**self).renew(taken, now)
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        (**self).clear(hits)
    }

    fn clear_client<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, bool> {
        (**self).clear_client(client, within)
    }

    fn client_scopes<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, Option<Vec<String>>> {
        (**self).client_scopes(client, within)
    }

    fn reset(&self) -> Answer<'_, ()> {
        (**self).reset()
    }

    fn flush(&self, now: Timestamp) -> Answer<'_, ()> {
        (**self).flush(now)
    }

    fn probe(&self) -> Answer<'_, ()> {
        (**self).probe()
    }

    fn has_notes(&self) -> bool {
        (**self).has_notes()
    }

    fn notes<'a>(
        &'a self,
        list: &'a str,
        known: Option<u64>,
        now: Timestamp,
    ) -> Answer<'a, Option<NoteList>> {
        (**self).notes(list, known, now)
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        (**self).put_note(list, note, max, now)
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        (**self).remove_note(list, name, now)
    }

    fn servers(&self) -> Option<String> {
        (**self).servers()
    }

    fn has_deadline(&self) -> bool {
        (**self).has_deadline()
    }

    fn is_local(&self) -> bool {
        (**self).is_local()
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        (**self).check(policy)
    }
}

#[cfg(test)]
mod tests;
