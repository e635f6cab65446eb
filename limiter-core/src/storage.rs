//! Storages of counts: the trait that all of them implement, and the ones of this crate.

use std::fmt;

use crate::{Key, Policy, PolicyError, Scope, Timestamp};

#[cfg(any(feature = "memcached", feature = "redis"))]
mod address;
mod answer;
mod arc;
mod at_end;
#[cfg(any(feature = "mongodb", feature = "redis-cluster"))]
mod background;
mod batch;
mod batch_decision;
#[cfg(feature = "remote")]
pub(crate) mod count_name;
#[cfg(feature = "remote")]
mod deadline;
mod decision;
mod error;
#[cfg(feature = "fuzz")]
mod fuzz;
#[cfg(any(feature = "memcached", feature = "mongodb", feature = "redis"))]
mod key_prefix;
#[cfg(feature = "remote")]
mod leases;
mod local_refusals;
#[cfg(feature = "memcached")]
mod memcached;
mod memory;
#[cfg(feature = "mongodb")]
mod mongodb;
mod note;
#[cfg(feature = "remote")]
mod overdue;
#[cfg(feature = "remote")]
mod owned_hit;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "remote")]
mod resilient;
#[cfg(any(feature = "memcached", feature = "redis"))]
mod stall_guard;

#[cfg(feature = "memcached")]
pub use self::memcached::{MemcachedStorage, MemcachedStorageBuilder};
#[cfg(feature = "mongodb")]
pub use self::mongodb::{MongoStorage, MongoStorageBuilder};
#[cfg(feature = "redis")]
pub use self::redis::{RedisStorage, RedisStorageBuilder};
pub use self::{
    answer::Answer,
    batch::{Batch, Hit, Refund, Renewal},
    decision::{Decision, Verdict},
    error::StorageError,
    local_refusals::LocalRefusals,
    memory::{LoadStateError, MemoryStorage},
    note::{Note, NoteList},
};
#[cfg(feature = "remote")]
pub use self::{deadline::in_time, leases::LeaseStorage, owned_hit::OwnedHit, resilient::Resilient};
#[cfg(feature = "fuzz")]
#[doc(hidden)]
pub use self::{
    memcached::fuzz::memcached_replies, mongodb::fuzz::mongodb_replies, redis::fuzz::redis_replies,
};

/// The maximum number of counts of a client in a scope. Only quotas that change by the request can need more.
///
/// Beyond it, unspent counts leave before spent ones, and among equals the one whose end is nearest.
pub(crate) const MAX_COUNTS_IN_SCOPE: usize = 64;

/// Keeps counts and decides batches.
///
/// A batch is decided as one: no other batch sees or changes its counts in between. If one limit refuses, none is
/// consumed. A refusal is an outcome, never an error.
///
/// `now` is the time of the caller. A storage with its own clock (a Redis server) may ignore it. Reports contain
/// durations only. A count replaces a time before the newest it has seen by that newest.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Decides a batch.
    ///
    /// # Errors
    ///
    /// Returns an error if the storage is unreachable or answers incorrectly. It is then unknown whether the hits
    /// were counted.
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision>;

    /// Refunds admitted hits. Each refund goes to the window of its hit and is dropped if that has ended.
    ///
    /// # Errors
    ///
    /// Returns an error as [`decide`](Self::decide) does.
    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()>;

    /// Returns whether the storage counts [concurrent requests](crate::Quota::concurrent), and renews their leases.
    /// Defaults to `false`.
    fn has_leases(&self) -> bool {
        false
    }

    /// Renews the leases of admitted hits on counts of [concurrent requests](crate::Quota::concurrent): each begins anew.
    /// Returns the result for each, in the same order.
    ///
    /// # Errors
    ///
    /// Returns an error if the storage has no leases, is unreachable or answers incorrectly. It is then unknown whether the
    /// leases were renewed.
    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        let _ = (taken, now);
        Answer::Ready(Err(StorageError::no_leases()))
    }

    /// Clears the counts of some hits. Costs do not matter.
    ///
    /// A [refund](Self::refund) of a hit from before may free a part of what was taken since. In a calendar window, a sliding
    /// counter and a token bucket, the count after a clear is not distinguished from the one before.
    ///
    /// # Errors
    ///
    /// Returns an error as [`decide`](Self::decide) does.
    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()>;

    /// Clears all counts of a client in scopes inside `within`: those that begin with its parts and have more. Returns
    /// `false` if the storage has no way to find them; then it has cleared none.
    ///
    /// Counts of keys that [combine](Key::and) the client with something else stay. Defaults to `false`.
    ///
    /// # Errors
    ///
    /// Returns an error as [`decide`](Self::decide) does. Then some counts may be cleared.
    fn clear_client<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, bool> {
        let _ = (client, within);
        Answer::ready(false)
    }

    /// Returns the scopes inside `within` in which a client has counts, as text for operators: the parts beyond those of
    /// `within`, with spaces between. `None` if the storage has no way to find them. The storages of this crate return 1000
    /// at most, in alphabetical order.
    ///
    /// The count of one of them may have ended a moment ago. Counts of keys that [combine](Key::and) the client with
    /// something else are not among them. Defaults to `None`.
    ///
    /// # Errors
    ///
    /// Returns an error as [`decide`](Self::decide) does.
    fn client_scopes<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, Option<Vec<String>>> {
        let _ = (client, within);
        Answer::ready(None)
    }

    /// Resets the storage: clears all its counts.
    ///
    /// # Errors
    ///
    /// Returns an error as [`decide`](Self::decide) does, or if the storage has no way to find its counts.
    fn reset(&self) -> Answer<'_, ()>;

    /// Checks whether the storage can decide.
    ///
    /// `Resilient` calls it in the background while decisions fail, so that no request has to try.
    /// Defaults to the decision of an empty batch.
    ///
    /// # Errors
    ///
    /// Returns an error as [`decide`](Self::decide) does.
    fn probe(&self) -> Answer<'_, ()> {
        const NOTHING: &Batch<'_> = &Batch { guards: &[], limits: &[], on_refusal: &[] };
        Answer::Pending(Box::pin(async move { self.decide(NOTHING, Timestamp::default()).await.map(drop) }))
    }

    /// Returns whether the storage keeps [notes](Note). Defaults to `false`.
    fn has_notes(&self) -> bool {
        false
    }

    /// Returns the notes of a list that have not ended, or `None` if the list still has the version `known`.
    ///
    /// A list without notes exists. Applications have separate lists.
    ///
    /// # Errors
    ///
    /// Returns an error if the storage keeps no notes, is unreachable or answers incorrectly.
    fn notes<'a>(
        &'a self,
        list: &'a str,
        known: Option<u64>,
        now: Timestamp,
    ) -> Answer<'a, Option<NoteList>> {
        let _ = (list, known, now);
        Answer::Ready(Err(StorageError::no_notes()))
    }

    /// Adds a note to a list, in place of any of the same name. Returns `false` and changes nothing if the list has
    /// `max` other notes, or more than the storage can keep.
    ///
    /// # Errors
    ///
    /// Returns an error as [`notes`](Self::notes) does.
    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        let _ = (list, note, max, now);
        Answer::Ready(Err(StorageError::no_notes()))
    }

    /// Removes a note from a list. Returns whether there was one that had not ended.
    ///
    /// # Errors
    ///
    /// Returns an error as [`notes`](Self::notes) does.
    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        let _ = (list, name, now);
        Answer::Ready(Err(StorageError::no_notes()))
    }

    /// Completes what is pending before the process ends: refunds leases, and writes state that survives a restart.
    /// Defaults to nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if that fails. Then some quota may be lost until its window ends, or some state with the process.
    fn flush(&self, now: Timestamp) -> Answer<'_, ()> {
        let _ = now;
        Answer::ready(())
    }

    /// Returns the servers of the storage, as an operator knows them and without credentials, or `None` if there are
    /// none. It appears in logs. Defaults to `None`.
    fn servers(&self) -> Option<String> {
        None
    }

    /// Returns whether the storage answers every call within a deadline of its own, as `Resilient` does.
    ///
    /// A limiter gives up on other storages after 100 ms. Defaults to `false`.
    fn has_deadline(&self) -> bool {
        false
    }

    /// Returns whether the storage decides in this process, so that a call is cheap. Defaults to `false`.
    fn is_local(&self) -> bool {
        false
    }

    /// Checks whether the storage can enforce a policy. A limiter calls it while it is built.
    ///
    /// # Errors
    ///
    /// Returns an error with the reason and an alternative if the storage cannot enforce the policy.
    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        let _ = policy;
        Ok(())
    }
}
