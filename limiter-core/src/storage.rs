//! Where counts are kept: the interface of all storages, and the one in memory.

use std::fmt;

use crate::{Policy, PolicyError, Timestamp};

#[cfg(any(feature = "memcached", feature = "redis"))]
mod address;
mod answer;
mod batch;
mod deciding;
mod decision;
mod error;
mod local_refusals;
#[cfg(feature = "memcached")]
mod memcached;
mod memory;
#[cfg(feature = "mongodb")]
mod mongodb;
#[cfg(any(feature = "memcached", feature = "mongodb"))]
mod owned_hit;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "remote")]
mod resilient;

#[cfg(feature = "memcached")]
pub use self::memcached::{MemcachedStorage, MemcachedStorageBuilder};
#[cfg(feature = "mongodb")]
pub use self::mongodb::{MongoStorage, MongoStorageBuilder};
#[cfg(feature = "redis")]
pub use self::redis::{RedisStorage, RedisStorageBuilder};
#[cfg(feature = "remote")]
pub use self::resilient::Resilient;
pub use self::{
    answer::Answer,
    batch::{Batch, Hit, Refund},
    decision::{Decision, Verdict},
    error::StorageError,
    local_refusals::LocalRefusals,
    memory::MemoryStorage,
};

/// Keeps counts and decides batches.
///
/// A batch is decided as one: no other batch sees or changes its counts in between, and when one limit
/// refuses none is consumed. A refusal is an outcome, never an error.
///
/// `now` is the caller's time. A storage with a clock of its own (a Redis server) may ignore it, and reports
/// durations only. A time before the newest that a count has seen counts as that newest.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Decides a batch.
    ///
    /// # Errors
    ///
    /// When the storage cannot be reached or does not answer as it should; then nothing is known about what
    /// was counted.
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision>;

    /// Returns what admitted hits have taken, each to the window it came from, or nowhere if that is gone.
    ///
    /// # Errors
    ///
    /// As for [`decide`](Self::decide).
    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()>;

    /// Forgets the counts of these hits; costs do not matter.
    ///
    /// # Errors
    ///
    /// As for [`decide`](Self::decide).
    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()>;

    /// Forgets all counts.
    ///
    /// # Errors
    ///
    /// As for [`decide`](Self::decide), and when the storage has no way to find its counts.
    fn reset(&self) -> Answer<'_, ()>;

    /// Tells whether the storage can decide. It is asked in the background while decisions fail, so that no
    /// request has to try.
    ///
    /// # Errors
    ///
    /// As for [`decide`](Self::decide).
    fn probe(&self) -> Answer<'_, ()> {
        const NOTHING: &Batch<'_> = &Batch { guards: &[], limits: &[], on_refusal: &[] };
        Answer::Pending(Box::pin(async move { self.decide(NOTHING, Timestamp::default()).await.map(drop) }))
    }

    /// Whether every answer comes within a deadline of the storage's own, as those of `Resilient` do. On others
    /// a limiter gives up after 100 ms.
    fn has_deadline(&self) -> bool {
        false
    }

    /// Whether it decides in this process, so that it costs little to ask it.
    fn is_local(&self) -> bool {
        false
    }

    /// Tells whether this storage can enforce a policy, so that a limiter can refuse it when it is built.
    ///
    /// # Errors
    ///
    /// When it cannot; the error says why and what to use instead.
    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        let _ = policy;
        Ok(())
    }
}
