//! Storages other than the limiter's own memory: one that answers later, and one that always fails.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::rt::task::yield_now;
use limiter_actix::{
    LimiterBuilder, Timestamp,
    storage::{
        Answer, Batch, Decision, Hit, MemoryStorage, Note, NoteList, Refund, Renewal, Storage, StorageError,
    },
};

/// The storage of a limiter.
#[derive(Clone, Copy, Debug)]
pub enum StorageKind {
    /// The limiter's own memory.
    Memory,
    /// One that answers later.
    Remote,
    /// One that always fails, so that the fallback's memory decides.
    Failing,
}

impl StorageKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Remote, Self::Failing];

    /// Sets the storage of a limiter.
    pub fn set(self, builder: LimiterBuilder) -> LimiterBuilder {
        match self {
            Self::Memory => builder,
            Self::Remote => builder.storage(Arc::new(Remote::default())),
            Self::Failing => builder.storage(Arc::new(Failing)),
        }
    }
}

/// Tries something on each kind of storage; returns its errors there, one line each.
pub fn errors_on_all(test: impl Fn(StorageKind) -> Vec<String>) -> Vec<String> {
    let errors_on =
        |kind: StorageKind| test(kind).into_iter().map(move |error| format!("storage {kind:?}: {error}"));
    StorageKind::ALL.into_iter().flat_map(errors_on).collect()
}

/// Answers later.
#[derive(Debug, Default)]
pub struct Remote {
    memory: MemoryStorage,
    decisions: AtomicUsize,
}

impl Remote {
    /// The number of decisions so far, each of them a round trip.
    pub fn decisions(&self) -> usize {
        self.decisions.load(Ordering::SeqCst)
    }
}

impl Storage for Remote {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        self.decisions.fetch_add(1, Ordering::SeqCst);
        Answer::Pending(Box::pin(async move {
            yield_now().await;
            Ok(self.memory.decide(batch, now))
        }))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(self.memory.refund(taken, now)))
    }

    fn has_leases(&self) -> bool {
        true
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        Answer::Pending(Box::pin(self.memory.renew(taken, now)))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Pending(Box::pin(self.memory.clear(hits)))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Pending(Box::pin(self.memory.reset()))
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
        Answer::Pending(Box::pin(self.memory.notes(list, known, now)))
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        // It is made, and the answer is under way for a while.
        let put = self.memory.put_note(list, note, max, now);
        Answer::Pending(Box::pin(async move {
            yield_now().await;
            put.await
        }))
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        Answer::Pending(Box::pin(self.memory.remove_note(list, name, now)))
    }
}

/// Always fails.
#[derive(Debug)]
pub struct Failing;

const ERROR: StorageError = StorageError::new("the storage is dead");

impl Storage for Failing {
    fn decide<'a>(&'a self, _: &'a Batch<'a>, _: Timestamp) -> Answer<'a, Decision> {
        Answer::Ready(Err(ERROR))
    }

    fn refund<'a>(&'a self, _: &'a [Refund<'a>], _: Timestamp) -> Answer<'a, ()> {
        Answer::Ready(Err(ERROR))
    }

    fn has_leases(&self) -> bool {
        true
    }

    fn clear<'a>(&'a self, _: &'a [Hit<'a>]) -> Answer<'a, ()> {
        Answer::Ready(Err(ERROR))
    }

    fn reset(&self) -> Answer<'_, ()> {
        Answer::Ready(Err(ERROR))
    }
}
