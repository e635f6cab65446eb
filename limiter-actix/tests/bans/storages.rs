//! A storage on another machine, as several processes see it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use actix_web::rt::task::yield_now;
use limiter_actix::{
    Timestamp,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Note, NoteList, Refund, Storage, StorageError},
};

/// The connection of one process to a server, whose memory others share.
#[derive(Debug, Default)]
pub(crate) struct Far {
    pub(crate) server: Arc<MemoryStorage>,
    pub(crate) is_failing: AtomicBool,
}

impl Far {
    pub(crate) fn to(server: &Arc<MemoryStorage>) -> Arc<Self> {
        Arc::new(Self { server: Arc::clone(server), is_failing: AtomicBool::new(false) })
    }

    fn answer<'a, T: Unpin + Send + 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        if self.is_failing.load(Relaxed) {
            return Answer::Ready(Err(StorageError::new("the server is gone")));
        }
        Answer::Pending(Box::pin(answer))
    }
}

impl Storage for Far {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        self.answer(Answer::ready((*self.server).decide(batch, now)))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        self.answer(self.server.refund(taken, now))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.answer(self.server.clear(hits))
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.answer(self.server.reset())
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
        self.answer(self.server.notes(list, known, now))
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        let put = self.answer(self.server.put_note(list, note, max, now));
        // It is under way for a while, so that whoever does not wait for it sees what becomes of it.
        Answer::Pending(Box::pin(async move {
            yield_now().await;
            put.await
        }))
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        self.answer(self.server.remove_note(list, name, now))
    }
}
