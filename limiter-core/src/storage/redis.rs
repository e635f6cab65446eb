//! A storage on a Redis or Valkey server.

use std::fmt;

mod builder;
mod call;
mod certificates;
mod client;
mod clock;
#[cfg(feature = "redis-cluster")]
mod cluster;
mod commands;
mod connection;
mod connector;
mod error;
#[cfg(feature = "fuzz")]
pub(super) mod fuzz;
#[cfg(not(feature = "redis-tls"))]
mod no_tls;
mod notes;
mod pool;
mod raw_report;
mod remove;
mod reply;
mod script;
#[cfg(feature = "redis-sentinel")]
mod sentinel;
mod shared_attempt;
#[cfg(feature = "redis-tls")]
mod tls;
mod uri;

pub use self::builder::RedisStorageBuilder;
#[cfg(not(feature = "redis-tls"))]
use self::no_tls as tls;
use self::{call::CallTime, client::Client, notes::StoredList};
use super::{
    Answer, Batch, Decision, Hit, MemoryStorage, Note, NoteList, Refund, Renewal, Storage, count_name,
};
use crate::{CountName, Key, Policy, PolicyError, Scope, Strategy, Timestamp};

/// Keeps counts on a Redis or Valkey server, exact over all processes that use it.
///
/// A batch is one call of a script, decided by the clock of the server, so that the clocks of its clients do not
/// matter. A script reads one key for each count. Keys expire by themselves.
///
/// On a cluster, all counts of one client are in one slot, and a batch of one client is one call. A batch of several
/// clients is one call for each slot, all sent at once. If one slot refuses, the others refund what they took. The
/// cluster never admits more than allowed, but may refuse a concurrent request before the refund.
///
/// The storage connects when it is first used, once per async runtime, and reconnects after it lost a connection. It
/// never retries and has no deadline. Wrap it in [`Resilient`](super::Resilient), which adds a deadline and a circuit
/// breaker. It requires a Tokio runtime (such as that of actix), and Redis 5 or any Valkey.
///
/// ```
/// use limiter_core::storage::{RedisStorage, Resilient};
///
/// let storage = Resilient::new(RedisStorage::new("redis://127.0.0.1:6379")?);
/// # Ok::<(), limiter_core::storage::StorageError>(())
/// ```
pub struct RedisStorage {
    client: Client,
    /// The prefix of all counts, which includes the version of their contents.
    prefix: Box<str>,
    /// The prefix of all keys.
    bare_prefix: Box<str>,
    uses_caller_clock: bool,
}

impl RedisStorage {
    /// The largest amount of a moving window.
    ///
    /// The storage records each hit, and so does the memory storage that replaces it while the server fails.
    pub const MAX_MOVING_WINDOW: u64 = MemoryStorage::MAX_MOVING_WINDOW;

    fn with_client(client: Client, prefix: &str) -> Self {
        let bare_prefix = prefix.into();
        let prefix = format!("{prefix}:{}:", script::VERSION).into();
        Self { client, prefix, bare_prefix, uses_caller_clock: false }
    }

    /// Makes the storage decide by the time of the caller instead of the server, for tests.
    ///
    /// Counts are then not exact over several machines, since their clocks differ.
    #[must_use]
    pub fn use_caller_clock(mut self) -> Self {
        self.uses_caller_clock = true;
        self
    }

    /// Returns the key of a count.
    ///
    /// All counts of one client and scope share a key, except moving windows. The braces put all keys of one client
    /// in one slot of a cluster.
    fn key(&self, hit: &Hit<'_>) -> String {
        if hit.policy.strategy() == Strategy::MovingWindow {
            let name = CountName::of(hit);
            return self.key_of(name.client(), name.count());
        }
        let (client, scope) = count_name::of_client_and_scope(hit);
        self.key_of(&client, &scope)
    }

    fn key_of(&self, client: &str, rest: &str) -> String {
        [&*self.prefix, "{", client, "}:", rest].concat()
    }

    fn list(&self, list: &str, now: Timestamp) -> StoredList {
        StoredList::new(&self.bare_prefix, list, self.time(now))
    }

    /// Returns the time by which a script decides, or `None` for that of the server.
    fn time(&self, now: Timestamp) -> Option<Timestamp> {
        self.call_time(now).for_server()
    }

    fn call_time(&self, now: Timestamp) -> CallTime {
        CallTime { caller: now, decides: self.uses_caller_clock }
    }
}

impl Storage for RedisStorage {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        Answer::Pending(Box::pin(async move {
            self.client.decide(batch, self.call_time(now), |hit| self.key(hit)).await
        }))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(async move {
            self.client.refund(taken, self.time(now), |hit| self.key(hit)).await
        }))
    }

    fn has_leases(&self) -> bool {
        true
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        Answer::Pending(Box::pin(async move {
            self.client.renew(taken, self.time(now), |hit| self.key(hit)).await
        }))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(async move { self.client.clear(hits, |hit| self.key(hit)).await }))
    }

    /// Walks through the names of all keys of the server or cluster, a thousand at a time.
    fn clear_client<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, bool> {
        let Some((client, scopes)) = count_name::of_client_inside(client, within) else {
            return Answer::ready(false);
        };
        let prefix = self.key_of(&client, &scopes);
        Answer::Pending(Box::pin(async move { self.client.remove(&prefix).await.map(|()| true) }))
    }

    /// Walks through the names of all keys of the server or cluster, a thousand at a time.
    fn client_scopes<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, Option<Vec<String>>> {
        let Some((client, scopes)) = count_name::of_client_inside(client, within) else {
            return Answer::ready(None);
        };
        let prefix = self.key_of(&client, &scopes);
        Answer::Pending(Box::pin(async move { self.client.scopes(&prefix).await.map(Some) }))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(self.client.remove(&self.prefix)))
    }

    fn probe(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(async move { self.client.probe(&self.prefix).await }))
    }

    fn has_notes(&self) -> bool {
        true
    }

    fn notes<'a>(
        &'a self,
        list: &'a str,
        known: Option<u64>,
        now: Timestamp,
    ) -> Answer<'a, Option<NoteList>> {
        Answer::Pending(Box::pin(async move { self.list(list, now).read(&self.client, known).await }))
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        Answer::Pending(Box::pin(async move { self.list(list, now).put(&self.client, note, max).await }))
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        Answer::Pending(Box::pin(async move { self.list(list, now).remove(&self.client, name).await }))
    }

    fn servers(&self) -> Option<String> {
        self.client.servers()
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        policy.check_log(Self::MAX_MOVING_WINDOW)
    }
}

impl fmt::Debug for RedisStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStorage")
            .field("client", &self.client)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
