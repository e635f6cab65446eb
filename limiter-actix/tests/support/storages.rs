//! Storages other than the limiter's own memory: one that is far, and one that is dead.

use std::sync::Arc;

use actix_web::rt::task::yield_now;
use limiter_actix::{
    LimiterBuilder, Timestamp,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Storage, StorageError},
};

/// Where counts are kept.
#[derive(Clone, Copy, Debug)]
pub enum Kept {
    /// In the limiter's own memory.
    Here,
    /// In a storage that answers later.
    Far,
    /// In a storage that always fails, and so in the fallback's memory.
    Nowhere,
}

impl Kept {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Here, Self::Far, Self::Nowhere];

    /// Sets the storage of a limiter.
    pub fn set(self, builder: LimiterBuilder) -> LimiterBuilder {
        match self {
            Self::Here => builder,
            Self::Far => builder.storage(Arc::new(Far(MemoryStorage::new()))),
            Self::Nowhere => builder.storage(Arc::new(Dead)),
        }
    }
}

/// Tries something on each kind of storage; what is wrong with it there, one line each.
pub fn wrong_on_all(test: impl Fn(Kept) -> Vec<String>) -> Vec<String> {
    let wrong_on = |kept: Kept| test(kept).into_iter().map(move |wrong| format!("kept {kept:?}: {wrong}"));
    Kept::ALL.into_iter().flat_map(wrong_on).collect()
}

/// Answers later.
#[derive(Debug)]
pub struct Far(MemoryStorage);

impl Storage for Far {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        Answer::Pending(Box::pin(async move {
            yield_now().await;
            Ok(self.0.decide(batch, now))
        }))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(self.0.refund(taken, now)))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(self.0.clear(hits)))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(self.0.reset()))
    }
}

/// Always fails.
#[derive(Debug)]
pub struct Dead;

const DEAD: StorageError = StorageError::new("the storage is dead");

impl Storage for Dead {
    fn decide<'a>(&'a self, _: &'a Batch<'a>, _: Timestamp) -> Answer<'a, Decision> {
        Answer::Ready(Err(DEAD))
    }

    fn refund<'a>(&'a self, _: &'a [Refund<'a>], _: Timestamp) -> Answer<'a, ()> {
        Answer::Ready(Err(DEAD))
    }

    fn clear<'a>(&'a self, _: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Ready(Err(DEAD))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Ready(Err(DEAD))
    }
}
