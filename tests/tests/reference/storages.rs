//! Storages other than the limiter's own memory: one that is far, and one that is dead.

use std::sync::Arc;

use actix_web::rt::task::yield_now;
use limiter_actix::{
    LimiterBuilder, Timestamp,
    storage::{Answer, Batch, Decision, GiveBack, Hit, MemoryStorage, Storage, StorageError},
};

/// Where counts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In the limiter's own memory.
    Here,
    /// In a storage that answers later.
    Far,
    /// In a storage that always fails, and so in the fallback's memory.
    Nowhere,
}

impl Kept {
    pub(crate) const ALL: [Self; 3] = [Self::Here, Self::Far, Self::Nowhere];

    pub(crate) fn set(self, builder: LimiterBuilder) -> LimiterBuilder {
        match self {
            Self::Here => builder,
            Self::Far => builder.storage(Arc::new(Far(MemoryStorage::new()))),
            Self::Nowhere => builder.storage(Arc::new(Dead)),
        }
    }
}

/// Something that does not hold yet on some storages. Once it does, the mark must go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Awaits {
    pub(crate) on: &'static [Kept],
    pub(crate) why: &'static str,
}

/// A reservation in the fallback is given back to the storage that failed, and so stays.
pub(crate) const GIVING_BACK: Awaits =
    Awaits { on: &[Kept::Nowhere], why: "what the fallback decided to be given back to the fallback" };

/// Tries something on each kind of storage; what is wrong with it there, one line each.
pub(crate) fn wrong_on_all(awaits: Option<Awaits>, test: impl Fn(Kept) -> Vec<String>) -> Vec<String> {
    let mut all = Vec::new();
    for kept in Kept::ALL {
        let wrong = test(kept);
        match awaits.filter(|awaits| awaits.on.contains(&kept)) {
            Some(Awaits { why, .. }) if wrong.is_empty() => {
                all.push(format!("kept {kept:?}: holds, though it awaits {why}"));
            }
            Some(Awaits { why, .. }) => eprintln!("kept {kept:?}, awaits {why}:\n{}", wrong.join("\n")),
            None => all.extend(wrong.into_iter().map(|wrong| format!("kept {kept:?}: {wrong}"))),
        }
    }
    all
}

/// Answers later.
#[derive(Debug)]
pub(crate) struct Far(MemoryStorage);

impl Storage for Far {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        Answer::Later(Box::pin(async move {
            yield_now().await;
            Ok(self.0.decide(batch, now))
        }))
    }

    fn give_back<'a>(&'a self, taken: &'a [GiveBack<'a>], now: Timestamp) -> Answer<'a, ()> {
        Answer::Later(Box::pin(self.0.give_back(taken, now)))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Later(Box::pin(self.0.clear(hits)))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Later(Box::pin(self.0.reset()))
    }
}

/// Always fails.
#[derive(Debug)]
pub(crate) struct Dead;

const DEAD: StorageError = StorageError::new("the storage is dead");

impl Storage for Dead {
    fn decide<'a>(&'a self, _: &'a Batch<'a>, _: Timestamp) -> Answer<'a, Decision> {
        Answer::Ready(Err(DEAD))
    }

    fn give_back<'a>(&'a self, _: &'a [GiveBack<'a>], _: Timestamp) -> Answer<'a, ()> {
        Answer::Ready(Err(DEAD))
    }

    fn clear<'a>(&'a self, _: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Ready(Err(DEAD))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Ready(Err(DEAD))
    }
}
