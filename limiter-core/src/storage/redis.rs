//! Counts on a Redis or Valkey server.

use std::fmt;

use ::redis::aio::ConnectionLike;

mod attempt;
mod builder;
mod call;
mod clock;
#[cfg(feature = "redis-cluster")]
mod cluster;
mod dial;
mod erase;
mod error;
mod line;
mod link;
mod reply;
mod script;
#[cfg(feature = "redis-sentinel")]
mod sentinel;
#[cfg_attr(not(feature = "redis-tls"), path = "redis/no_tls.rs")]
mod tls;
mod uri;

pub use self::builder::RedisStorageBuilder;
use self::link::Link;
use super::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Storage, StorageError, count_name};
use crate::{CountName, Policy, PolicyError, Strategy, Timestamp};

/// Keeps counts on a Redis or Valkey server, exact over all processes that use it.
///
/// A batch is one call of a script, decided by the server's clock: the clocks of its users do not matter. All
/// that a script reads of a count is in one key, which expires by itself.
///
/// On a cluster all counts of one client are in one slot, and a batch about one client is one call. One about
/// several clients is a call for each slot, all sent at once; when one refuses, the others return what they took.
/// Never more is admitted than allowed, but until it is returned a concurrent request may be refused for it.
///
/// It connects when it is first used, once per async runtime, and again when a connection is lost. It neither
/// retries nor waits for longer than the server takes: [`Resilient`](super::Resilient) gives it a deadline and
/// leaves a failing server alone. It needs a Tokio runtime (actix has one), and Redis 5 or any Valkey.
///
/// ```
/// use limiter_core::storage::{RedisStorage, Resilient};
///
/// let storage = Resilient::new(RedisStorage::new("redis://127.0.0.1:6379")?);
/// # Ok::<(), limiter_core::storage::StorageError>(())
/// ```
pub struct RedisStorage {
    link: Link,
    /// What all keys begin with, the version of their contents included.
    prefix: Box<str>,
    obeys_caller: bool,
}

impl RedisStorage {
    /// The largest amount of a moving window: it remembers each hit, and so does the memory that stands in
    /// when the server fails.
    pub const MAX_MOVING_WINDOW: u64 = MemoryStorage::MAX_MOVING_WINDOW;

    /// Creates a storage from a URI:
    ///
    /// * `redis://[[user][:password]@]host[:port][/database]`
    /// * `redis+unix:///path/to/socket`
    /// * `rediss://..`, the same as `redis://` over TLS, with the feature `redis-tls`
    /// * `redis+sentinel://[[user][:password]@]sentinel[:port],sentinel[:port],../name[/database]`: the primary that
    ///   sentinels know by this name, with the feature `redis-sentinel`
    /// * `redis+cluster://[[user][:password]@]node[:port],node[:port],..`: a cluster, by some of its nodes, with the
    ///   feature `redis-cluster`
    ///
    /// and the same with `valkey` for `redis` and `valkeys` for `rediss`; `rediss+sentinel` and `rediss+cluster` are
    /// over TLS. What is no plain letter or digit in names and passwords is written as `%XX`.
    ///
    /// Parameters may follow a `?`, with `&` between them: `db`, `user`, `pass`, `sentinel_user`, `sentinel_pass`,
    /// `protocol` (`resp2` or `resp3`), `prefix`, `connect_timeout_ms`, and for TLS the paths of files in PEM: `ca`,
    /// `cert`, `key`. The [builder](Self::builder) sets the same in code.
    ///
    /// # Errors
    ///
    /// When this is not such a URI, or the feature for it is not enabled. Whether the server can be reached
    /// shows when it is used.
    pub fn new(uri: &str) -> Result<Self, StorageError> {
        Self::builder(uri).build()
    }

    /// Creates a storage from a URI, with options.
    pub fn builder(uri: &str) -> RedisStorageBuilder {
        RedisStorageBuilder::new(uri)
    }

    /// Creates a storage that uses a connection of the `redis` crate: a `MultiplexedConnection`, a
    /// `ConnectionManager`, a cluster's connection, or a pool behind a type of your own. Whether it reconnects
    /// is the connection's business.
    pub fn from_connection<C>(connection: C) -> Self
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
    {
        Self::with_link(Link::Given(Box::new(connection)), builder::DEFAULT_PREFIX)
    }

    fn with_link(link: Link, prefix: &str) -> Self {
        Self { link, prefix: format!("{prefix}:{}:", script::VERSION).into(), obeys_caller: false }
    }

    /// Makes the storage decide by the time it is given instead of the server's, for tests: counts are then
    /// not exact over machines, since their clocks differ.
    #[must_use]
    pub fn use_caller_clock(mut self) -> Self {
        self.obeys_caller = true;
        self
    }

    /// The key of a count: that of all counts of its client and scope, but for moving windows. The braces make all
    /// keys of one client share a slot of a cluster.
    fn key(&self, hit: &Hit<'_>) -> String {
        if hit.policy.strategy() == Strategy::MovingWindow {
            let name = CountName::of(hit);
            return self.key_of(name.client(), name.count());
        }
        let (client, scope) = count_name::of_client_and_scope(hit);
        self.key_of(&client, &scope)
    }

    fn key_of(&self, client: &str, what: &str) -> String {
        [&*self.prefix, "{", client, "}:", what].concat()
    }

    /// The time to decide by; none for the server's.
    fn time(&self, now: Timestamp) -> Option<Timestamp> {
        self.obeys_caller.then_some(now)
    }
}

impl Storage for RedisStorage {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        Answer::Pending(Box::pin(async move {
            self.link.decide(batch, self.time(now), |hit| self.key(hit)).await
        }))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(async move {
            self.link.refund(taken, self.time(now), |hit| self.key(hit)).await
        }))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(async move { self.link.clear(hits, |hit| self.key(hit)).await }))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(self.link.unlink_all(&self.prefix)))
    }

    fn probe(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(async move { self.link.probe(&self.prefix).await }))
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        if policy.strategy() == Strategy::MovingWindow && policy.amount() > Self::MAX_MOVING_WINDOW {
            let (quota, most) = (policy.quota(), Self::MAX_MOVING_WINDOW);
            return Err(PolicyError::MovingWindowTooLarge { quota, most });
        }
        Ok(())
    }
}

impl fmt::Debug for RedisStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStorage")
            .field("link", &self.link)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
