//! The storage on memcached servers.

use std::{fmt, sync::Arc};

use futures_util::future::join_all;

mod builder;
mod cas_round;
mod connection;
mod error;
mod expiry;
#[cfg(feature = "fuzz")]
pub(super) mod fuzz;
mod notes;
mod operation;
mod placement;
mod protocol;
mod queue;
mod record;
mod servers;
mod stored_hit;
mod submit;
mod uri;
mod working_set;

pub use self::builder::MemcachedStorageBuilder;
use self::{
    error::MemcachedError,
    notes::StoredList,
    operation::Operation,
    protocol::{Commands, Condition, MAX_KEY_LEN, Reply},
    servers::Servers,
    stored_hit::StoredHit,
    submit::submit,
};
use super::{
    Answer, Batch, Decision, Hit, Note, NoteList, Refund, Storage, StorageError,
    address::{self, Address},
};
use crate::{CountName, Policy, PolicyError, Strategy, Timestamp, name};

/// A storage on memcached servers, exact over all processes that use them.
///
/// memcached runs no code. The storage reads the counts of a batch, decides with the functions that the memory
/// storage uses, and writes the counts back by compare-and-swap. If another process has changed a count in
/// between, it starts over. An admitted batch takes two round trips, a refused one takes one.
///
/// The storage never admits more than allowed. If another process changes one of several counts of a batch in
/// between, the storage undoes its writes to the others. They appear charged for one round trip, so another
/// request may be refused.
///
/// Decisions use the clocks of the processes, which should agree. [Moving windows](Strategy::MovingWindow) are not
/// supported. A count that a server evicts, or loses in a restart, starts from zero.
///
/// With several servers, a hash assigns each client to one of them. All processes must list the same servers, in
/// any order.
///
/// The storage connects on first use, once per async runtime, and again when a connection is lost. It has no
/// deadline of its own: wrap it in [`Resilient`](super::Resilient), which also skips failing servers. It requires
/// a Tokio runtime (actix has one) and memcached 1.6 of 2022 or later.
///
/// ```
/// use limiter_core::storage::{MemcachedStorage, Resilient};
///
/// let storage = Resilient::new(MemcachedStorage::new("memcached://127.0.0.1:11211")?);
/// # Ok::<(), limiter_core::storage::StorageError>(())
/// ```
pub struct MemcachedStorage {
    servers: Arc<Servers>,
    addresses: Box<[Address]>,
    /// The prefix of all keys, with the version of the records.
    prefix: Box<str>,
}

impl MemcachedStorage {
    /// Returns the key of a count and the index of its server.
    fn locate(&self, hit: &Hit<'_>) -> (String, usize) {
        let name = CountName::of(hit);
        let key = format!("{}{{{}}}:{}", self.prefix, name.client(), name.count());
        (name::bounded(key, MAX_KEY_LEN), placement::server_of(&self.addresses, name.client()))
    }

    fn stored_hit(&self, hit: &Hit<'_>) -> StoredHit {
        let (key, server) = self.locate(hit);
        StoredHit::new(hit, key.into(), server)
    }

    /// Returns the list of notes of this name. All processes find it on the same server.
    fn list(&self, list: &str, now: Timestamp) -> StoredList<'_> {
        let mut name = String::from("notes:");
        name::escape(list, &mut name);
        let server = placement::server_of(&self.addresses, &name);
        let key = name::bounded(format!("{}{name}", self.prefix), MAX_KEY_LEN);
        StoredList::new(&self.servers, server, key, now)
    }

    /// Sends each server its commands, all servers at once, and checks the replies.
    async fn send_all(
        &self,
        commands: Vec<Commands>,
        is_expected: fn(&Reply) -> bool,
    ) -> Result<(), StorageError> {
        let send = |(server, commands): (usize, Commands)| async move {
            if commands.replies == 0 {
                return Ok(());
            }
            let replies = self.servers.send(server, commands).await?;
            match replies.iter().find(|reply| !is_expected(reply)) {
                None => Ok(()),
                Some(Reply::Failed(text)) => Err(MemcachedError::from_server(text)),
                Some(_) => Err(MemcachedError::UNEXPECTED),
            }
        };
        let outcomes = join_all(commands.into_iter().enumerate().map(send)).await;
        outcomes.into_iter().collect::<Result<(), _>>().map_err(StorageError::from)
    }

    /// Returns empty commands for each server.
    fn commands(&self) -> Vec<Commands> {
        self.addresses.iter().map(|_| Commands::default()).collect()
    }
}

impl Storage for MemcachedStorage {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        // The caller has skipped `check`.
        if batch.hits().any(|hit| hit.policy.strategy() == Strategy::MovingWindow) {
            return Answer::Ready(Err(StorageError::new("memcached does not support moving windows")));
        }
        Answer::Pending(Box::pin(async move {
            let operation = Operation::decide(batch, now, |hit| self.stored_hit(hit));
            Ok(submit(&self.servers, operation).await?)
        }))
    }

    fn refund<'a>(&'a self, refunds: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(async move {
            let operation = Operation::refund(refunds, now, |hit| self.stored_hit(hit));
            Ok(submit(&self.servers, operation).await.map(drop)?)
        }))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(async move {
            let mut commands = self.commands();
            for hit in hits {
                let (key, server) = self.locate(hit);
                commands[server].delete(&key, None);
            }
            self.send_all(commands, |reply| matches!(reply, Reply::Done(_) | Reply::Absent)).await
        }))
    }

    /// Always returns an error: memcached can only delete all data of all applications.
    fn reset(&self) -> Answer<'_, ()> {
        Answer::Ready(Err(StorageError::new(
            "memcached can only delete the data of all applications; to start from zero, give the storage \
             another prefix",
        )))
    }

    fn probe(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(async move {
            let (mut commands, key) = (self.commands(), format!("{}probe", self.prefix));
            for commands in &mut commands {
                commands.set(&key, "", 1, Condition::None);
            }
            self.send_all(commands, |reply| matches!(reply, Reply::Done(_))).await
        }))
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
        Answer::Pending(Box::pin(async move { Ok(self.list(list, now).read(known).await?) }))
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        Answer::Pending(Box::pin(async move { Ok(self.list(list, now).put(note, max).await?) }))
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        Answer::Pending(Box::pin(async move { Ok(self.list(list, now).remove(name).await?) }))
    }

    fn servers(&self) -> Option<String> {
        Some(address::list(&self.addresses))
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        if policy.is_concurrent() {
            return Err(PolicyError::ConcurrentNotKept {
                storage: "memcached",
                quota: policy.quota(),
                reason: "a lost entry would let all requests of a client in anew while earlier ones are under way",
            });
        }
        if policy.strategy() == Strategy::MovingWindow {
            return Err(PolicyError::MovingWindowNotKept {
                storage: "memcached",
                reason: "it remembers each hit, and each request would read and write all of them",
            });
        }
        Ok(())
    }
}

impl fmt::Debug for MemcachedStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedStorage")
            .field("servers", &self.servers.connections)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
