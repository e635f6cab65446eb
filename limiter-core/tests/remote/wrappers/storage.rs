//! A storage that counts its queries, and fails on demand.

use std::{
    io,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use limiter_core::{
    Key, Scope, Timestamp,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Note, NoteList, Refund, Storage, StorageError},
};
use tokio::time::sleep;

/// A memory storage that pretends to be far away.
#[derive(Debug, Default)]
pub(crate) struct Far {
    pub(crate) memory: MemoryStorage,
    pub(crate) is_failing: AtomicBool,
    /// True if it never answers.
    pub(crate) is_mute: AtomicBool,
    /// True if it has no way to find its counts, as memcached.
    pub(crate) has_no_reset: AtomicBool,
    pub(crate) decided: AtomicU64,
    pub(crate) probed: AtomicU64,
}

impl Far {
    /// The time until it clears the counts of a client, and then until its answer arrives.
    pub(crate) const HALF_OF_CLEAR: Duration = Duration::from_millis(400);

    pub(crate) fn decided(&self) -> u64 {
        self.decided.load(Relaxed)
    }

    pub(crate) fn probed(&self) -> u64 {
        self.probed.load(Relaxed)
    }

    fn answer<'a, T: Unpin + Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        let (is_mute, is_failing) = (self.is_mute.load(Relaxed), self.is_failing.load(Relaxed));
        Answer::Pending(Box::pin(async move {
            if is_mute {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            if is_failing {
                return Err(
                    StorageError::new("it cannot be reached").with_source(io::Error::other("no route"))
                );
            }
            answer.await
        }))
    }
}

impl Storage for Far {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        self.decided.fetch_add(1, Relaxed);
        self.answer(Answer::ready(self.memory.decide(batch, now)))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        self.answer(self.memory.refund(taken, now))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.answer(self.memory.clear(hits))
    }

    /// All counts in it are those of the client.
    fn clear_client<'a>(&'a self, _: &'a Key, _: &'a Scope) -> Answer<'a, bool> {
        if self.has_no_reset.load(Relaxed) {
            return Answer::ready(false);
        }
        Answer::Pending(Box::pin(async {
            sleep(Self::HALF_OF_CLEAR).await;
            self.memory.reset().await?;
            sleep(Self::HALF_OF_CLEAR).await;
            Ok(true)
        }))
    }

    fn reset(&self) -> Answer<'_, ()> {
        if self.has_no_reset.load(Relaxed) {
            return Answer::Ready(Err(StorageError::new("it cannot find its counts")));
        }
        self.answer(self.memory.reset())
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
        self.answer(self.memory.notes(list, known, now))
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        self.answer(self.memory.put_note(list, note, max, now))
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        self.answer(self.memory.remove_note(list, name, now))
    }

    fn probe(&self) -> Answer<'_, ()> {
        self.probed.fetch_add(1, Relaxed);
        self.answer(Answer::ready(()))
    }
}
