//! A storage that fails on demand, and limiters that use it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use actix_http::Request;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    rt::task::yield_now,
    test::TestRequest,
};
use limiter_actix::{
    Limiter, LimiterBuilder, ManualClock, Timestamp,
    storage::{Answer, Batch, Decision, Hit, MemoryStorage, Refund, Storage, StorageError},
};
use limiter_test_support::app;

/// A storage that pretends to be far away. It counts its queries, and fails on demand.
#[derive(Debug, Default)]
pub(crate) struct Fickle {
    memory: MemoryStorage,
    is_failing: AtomicBool,
    /// The number of the one decision that fails, from 1 on.
    fails_at: AtomicU64,
    decided: AtomicU64,
}

impl Fickle {
    pub(crate) fn fail(&self) {
        self.is_failing.store(true, Relaxed);
    }

    /// Fails one decision only, by its number from 1 on.
    pub(crate) fn fail_at(&self, decision: u64) {
        self.fails_at.store(decision, Relaxed);
    }

    pub(crate) fn recover(&self) {
        self.is_failing.store(false, Relaxed);
    }

    /// The number of queries for a decision.
    pub(crate) fn decided(&self) -> u64 {
        self.decided.load(Relaxed)
    }

    fn answer<'a, T: Unpin + Send + 'a>(&'a self, answer: impl FnOnce() -> T + Send + 'a) -> Answer<'a, T> {
        self.answer_if(true, answer)
    }

    fn answer_if<'a, T: Unpin + Send + 'a>(
        &'a self,
        does: bool,
        answer: impl FnOnce() -> T + Send + 'a,
    ) -> Answer<'a, T> {
        Answer::Pending(Box::pin(async move {
            yield_now().await;
            if !does || self.is_failing.load(Relaxed) {
                return Err(StorageError::new("it is gone").with_source(io::Error::other("no route to it")));
            }
            Ok(answer())
        }))
    }
}

impl Storage for Fickle {
    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        let number = self.decided.fetch_add(1, Relaxed) + 1;
        let does = self.fails_at.load(Relaxed) != number;
        self.answer_if(does, move || self.memory.decide(batch, now))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        self.answer(move || drop(self.memory.refund(taken, now)))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.answer(move || drop(self.memory.clear(hits)))
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.answer(|| drop(self.memory.reset()))
    }

    fn servers(&self) -> Option<String> {
        Some("far-away:6379".to_owned())
    }
}

/// A fickle storage, what stands in for it, and the time.
pub(crate) struct Bench {
    pub(crate) storage: Arc<Fickle>,
    pub(crate) memory: Arc<MemoryStorage>,
    pub(crate) clock: Arc<ManualClock>,
}

/// When these tests take place, in seconds since the Unix epoch.
pub(crate) const START: u64 = 1_700_006_400;

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            storage: Arc::default(),
            memory: Arc::default(),
            clock: Arc::new(ManualClock::new(Timestamp::from_millis(START * 1000))),
        }
    }

    /// One whose storage fails.
    pub(crate) fn failing() -> Self {
        let bench = Self::new();
        bench.storage.fail();
        bench
    }

    pub(crate) fn limiter(&self) -> LimiterBuilder {
        Limiter::builder()
            .clock(Arc::clone(&self.clock) as _)
            .storage(Arc::clone(&self.storage) as _)
            .memory_storage(Arc::clone(&self.memory))
    }
}

/// The statuses of several requests in a row.
pub(crate) async fn statuses<S, B>(app: &S, target: &str, times: usize) -> Vec<u16>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(app::get(app, target).await);
    }
    statuses
}

/// A request from another client.
pub(crate) fn of_another(target: &str) -> TestRequest {
    app::request("GET", target).peer_addr(([192, 0, 2, 7], 40_000).into())
}

/// A handler that is not called when the request is refused.
pub(crate) async fn ok() -> &'static str {
    "ok"
}
