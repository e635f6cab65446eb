//! A storage on another machine, as several processes see it.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use actix_web::rt::task::yield_now;
use futures_util::future::join;
use limiter_actix::{
    Limiter, Timestamp,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Note, NoteList, Refund, Storage, StorageError},
};

use crate::{HOUR, app, get_from};

/// The connection of one process to a server, whose memory others share.
#[derive(Debug, Default)]
pub(crate) struct Far {
    pub(crate) server: Arc<MemoryStorage>,
    pub(crate) is_failing: AtomicBool,
    /// Set if decisions are under way for a while.
    pub(crate) is_slow: AtomicBool,
    /// Set if it has no room for a further note.
    pub(crate) is_full: AtomicBool,
    /// The number of times that this process has read notes.
    pub(crate) reads: AtomicUsize,
}

impl Far {
    pub(crate) fn to(server: &Arc<MemoryStorage>) -> Arc<Self> {
        Arc::new(Self { server: Arc::clone(server), ..Self::default() })
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
        let decided = self.answer(Answer::ready((*self.server).decide(batch, now)));
        if self.is_slow.load(Relaxed) { after_a_while(decided) } else { decided }
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
        self.reads.fetch_add(1, Relaxed);
        // It is read when the request arrives there, and the answer is under way for a while.
        after_a_while(self.answer(self.server.notes(list, known, now)))
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        let max = if self.is_full.load(Relaxed) { 0 } else { max };
        // Whoever does not wait for it sees what becomes of it.
        after_a_while(self.answer(self.server.put_note(list, note, max, now)))
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        self.answer(self.server.remove_note(list, name, now))
    }
}

/// Returns an answer that is under way for a while.
fn after_a_while<'a, T: Unpin + Send + 'a>(answer: Answer<'a, T>) -> Answer<'a, T> {
    Answer::Pending(Box::pin(async move {
        yield_now().await;
        answer.await
    }))
}

/// A storage of this process, of which notes are put a while before the caller is told.
#[derive(Debug, Default)]
struct Here(Far);

impl Storage for Here {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        self.0.decide(batch, now)
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        self.0.refund(taken, now)
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.0.clear(hits)
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.0.reset()
    }

    fn is_local(&self) -> bool {
        true
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
        self.0.server.notes(list, known, now)
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        let put = self.0.server.put_note(list, note, max, now);
        Answer::Pending(Box::pin(async move {
            let put = put.await;
            yield_now().await;
            put
        }))
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        self.0.server.remove_note(list, name, now)
    }
}

/// The defect: of two changes at once, the copy kept the other one than the storage. Nobody reads a local storage again.
#[actix_web::test]
async fn changes_at_once_leave_what_the_storage_has() {
    let limiter = Limiter::builder().storage(Arc::new(Here::default())).build().expect("a limiter");
    let app = app(&limiter).await;
    let alice = IpAddr::from([192, 0, 2, 1]);
    let (banned, unbanned) = join(limiter.ban(alice, HOUR, ""), limiter.unban(alice)).await;
    banned.expect("a ban");
    let is_banned = !unbanned.expect("an answer");
    assert_eq!(get_from(&app, "192.0.2.1").await == 403, is_banned);
}
