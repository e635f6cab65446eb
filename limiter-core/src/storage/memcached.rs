//! Counts on memcached servers.

use std::{fmt, sync::Arc};

use futures_util::future::join_all;

mod address;
mod builder;
mod desk;
mod drive;
mod failure;
mod group;
mod job;
mod ledger;
mod lifetime;
mod line;
mod queue;
mod value;
mod wire;

pub use self::builder::MemcachedStorageBuilder;
use self::{
    address::Address,
    desk::Desk,
    failure::Failure,
    job::{Job, Kept},
    wire::{Commands, Condition, MAX_KEY_LEN, Reply},
};
use super::{Answer, Batch, Decision, Hit, Refund, Storage, StorageError};
use crate::{CountName, Policy, PolicyError, Strategy, Timestamp, name};

/// Keeps counts on memcached servers, exact over all processes that use them.
///
/// memcached cannot run anything: a count is read, decided upon here, by the same functions as in memory, and
/// written back only if nobody has changed it meanwhile; else all of that is done again. A batch takes two round
/// trips, a refusal one. Never more is admitted than allowed. When another process changes one of several counts
/// of a batch in between, what was written of the others is undone: for a round trip they seem to be taken, and
/// another request may be refused because of it.
///
/// It decides by the time it is given, that is by the clocks of its users: those should agree. It has no
/// [moving window](Strategy::MovingWindow). A count that the server has thrown out to make room, or lost when it
/// was started again, begins anew.
///
/// With several servers each client's counts are on one of them, found by a hash. They must be written alike for
/// all processes; the order does not matter.
///
/// It connects when it is first used, once per async runtime, and again when a connection is lost. It does not
/// wait for longer than the server takes: [`Resilient`](super::Resilient) gives it a deadline and leaves failing
/// servers alone. It needs a Tokio runtime (actix has one), and memcached 1.6 of 2022 or later.
///
/// ```
/// use limiter_core::storage::{MemcachedStorage, Resilient};
///
/// let storage = Resilient::new(MemcachedStorage::new("memcached://127.0.0.1:11211")?);
/// # Ok::<(), limiter_core::storage::StorageError>(())
/// ```
pub struct MemcachedStorage {
    desk: Arc<Desk>,
    servers: Box<[Address]>,
    /// What all keys begin with, the version of their contents included.
    prefix: Box<str>,
}

impl MemcachedStorage {
    /// Creates a storage from a URI, `memcached://host[:port][,host[:port]]..`, of at most 100 servers. The port
    /// is 11211 unless set; IPv6 addresses stand in brackets.
    ///
    /// # Errors
    ///
    /// When this is not such a URI. Whether the servers can be reached shows when they are used.
    pub fn new(uri: &str) -> Result<Self, StorageError> {
        Self::builder(uri).build()
    }

    /// Creates a storage from a URI, with options.
    pub fn builder(uri: &str) -> MemcachedStorageBuilder {
        MemcachedStorageBuilder::new(uri)
    }

    /// The key of a count, and the place of its server.
    fn key(&self, hit: &Hit<'_>) -> (String, usize) {
        let name = CountName::of(hit);
        let key = format!("{}{{{}}}:{}", self.prefix, name.client(), name.count());
        (name::bounded(key, MAX_KEY_LEN), address::place(&self.servers, name.client()))
    }

    fn keep(&self, hit: &Hit<'_>) -> Kept {
        let (key, server) = self.key(hit);
        Kept::new(hit, key.into(), server)
    }

    /// Asks all servers at once; `commands` are of each of them.
    async fn ask_all(
        &self,
        commands: Vec<Commands>,
        expected: fn(&Reply) -> bool,
    ) -> Result<(), StorageError> {
        let ask = |(server, commands): (usize, Commands)| async move {
            if commands.replies == 0 {
                return Ok(());
            }
            let replies = self.desk.ask(server, commands).await?;
            match replies.iter().find(|reply| !expected(reply)) {
                None => Ok(()),
                Some(Reply::Failed(said)) => Err(Failure::of_server(said)),
                Some(_) => Err(Failure::UNEXPECTED),
            }
        };
        let answers = join_all(commands.into_iter().enumerate().map(ask)).await;
        answers.into_iter().collect::<Result<(), _>>().map_err(StorageError::from)
    }

    fn commands(&self) -> Vec<Commands> {
        self.servers.iter().map(|_| Commands::default()).collect()
    }
}

impl Storage for MemcachedStorage {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        // Whoever has not asked `check`.
        if batch.hits().any(|hit| hit.policy.strategy() == Strategy::MovingWindow) {
            return Answer::Ready(Err(StorageError::new("memcached cannot keep a moving window")));
        }
        Answer::Pending(Box::pin(async move {
            let job = Job::decide(batch, now, |hit| self.keep(hit));
            Ok(self.desk.hand_in(job).await?)
        }))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(async move {
            let job = Job::refund(taken, now, |hit| self.keep(hit));
            Ok(self.desk.hand_in(job).await.map(drop)?)
        }))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(async move {
            let mut commands = self.commands();
            for hit in hits {
                let (key, server) = self.key(hit);
                commands[server].delete(&key, None);
            }
            self.ask_all(commands, |reply| matches!(reply, Reply::Done(_) | Reply::Absent)).await
        }))
    }

    /// Is always an error: memcached can only forget everything, that of other applications too.
    fn reset(&self) -> Answer<'_, ()> {
        Answer::Ready(Err(StorageError::new(
            "memcached cannot forget the counts alone, only all data of all applications: give the storage \
             another prefix instead",
        )))
    }

    fn probe(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(async move {
            let (mut commands, key) = (self.commands(), format!("{}probe", self.prefix));
            for commands in &mut commands {
                commands.set(&key, "", 1, Condition::None);
            }
            self.ask_all(commands, |reply| matches!(reply, Reply::Done(_))).await
        }))
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        if policy.strategy() == Strategy::MovingWindow {
            return Err(PolicyError::MovingWindowNotKept {
                storage: "memcached",
                reason: "it remembers each hit, and all of them would have to be read and written for each request",
            });
        }
        Ok(())
    }
}

impl fmt::Debug for MemcachedStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedStorage")
            .field("servers", &self.desk.servers)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
