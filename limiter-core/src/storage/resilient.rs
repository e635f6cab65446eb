//! What stands between a limiter and a storage on another machine.

use std::{
    fmt,
    future::{Future, poll_fn},
    num::NonZeroU32,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::{task::yield_now, time::timeout};

mod breaker;
mod probe;

use self::breaker::Breaker;
use super::{Answer, Batch, Decision, Hit, Refund, Storage, StorageError};
use crate::{Policy, PolicyError, Timestamp};

/// Gives a storage a deadline, and leaves it alone while it fails.
///
/// Whatever does not answer within the deadline has failed. It is not tried again: a hit that was counted all
/// the same counts once. After several failures in a row the storage is left alone: every call fails at once,
/// while the storage is [probed](Storage::probe) in the background, at growing intervals, until it answers.
/// Both events are logged as warnings; single failures are not.
///
/// It needs a Tokio runtime with time enabled, as actix has one.
///
/// ```
/// use std::time::Duration;
/// use limiter_core::storage::{MemoryStorage, Resilient};
///
/// let storage = Resilient::new(MemoryStorage::new()).deadline(Duration::from_millis(30));
/// assert!(!storage.is_open());
/// ```
pub struct Resilient<S> {
    storage: Arc<S>,
    breaker: Arc<Breaker>,
    deadline: Duration,
    failures: NonZeroU32,
}

/// How long a reset may take: it walks through all keys, and no request waits for it.
const RESET_DEADLINE: Duration = Duration::from_secs(60);

const DEFAULT_FAILURES: NonZeroU32 = NonZeroU32::new(3).unwrap();

impl<S: Storage + 'static> Resilient<S> {
    /// How long an answer may take unless told otherwise.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_millis(100);

    /// Wraps a storage, with the usual deadline and three failures until it is left alone.
    #[must_use]
    pub fn new(storage: S) -> Self {
        Self {
            storage: Arc::new(storage),
            breaker: Arc::default(),
            deadline: Self::DEFAULT_DEADLINE,
            failures: DEFAULT_FAILURES,
        }
    }

    /// Sets how long an answer may take. A reset may take a minute.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets after how many failures in a row the storage is left alone.
    #[must_use]
    pub fn failures(mut self, failures: NonZeroU32) -> Self {
        self.failures = failures;
        self
    }

    /// Whether the storage is being left alone.
    pub fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// The storage within.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// Asks the storage, unless it is being left alone.
    fn guard<'a, T: Unpin + Send + 'a>(&'a self, ask: impl FnOnce(&'a S) -> Answer<'a, T>) -> Answer<'a, T> {
        if self.breaker.is_open() {
            return self.left_alone();
        }
        match ask(&self.storage) {
            Answer::Ready(answer) => Answer::Ready(self.noted(answer)),
            later @ Answer::Pending(_) => {
                Answer::Pending(Box::pin(async move { self.noted(in_time(self.deadline, later).await) }))
            }
        }
    }

    /// Asks for a reset, unless the storage is being left alone. It tells nothing about decisions: some storages
    /// have none.
    fn guard_reset(&self) -> Answer<'_, ()> {
        if self.breaker.is_open() {
            return self.left_alone();
        }
        let reset = self.storage.reset();
        Answer::Pending(Box::pin(in_time(RESET_DEADLINE.max(self.deadline), reset)))
    }

    fn left_alone<T>(&self) -> Answer<'_, T> {
        // The probe may have ended with the runtime it ran on.
        self.probe_in_background();
        Answer::Ready(Err(StorageError::new("the storage is left alone until it answers again")))
    }

    fn noted<T>(&self, answer: Result<T, StorageError>) -> Result<T, StorageError> {
        match &answer {
            Ok(_) => self.breaker.succeeded(),
            Err(error) => {
                if self.breaker.failed(self.failures, error) {
                    self.probe_in_background();
                }
            }
        }
        answer
    }

    fn probe_in_background(&self) {
        probe::spawn(&self.storage, &self.breaker, self.deadline);
    }
}

/// An answer, or an error when it does not come in time.
async fn in_time<T: Unpin>(deadline: Duration, answer: Answer<'_, T>) -> Result<T, StorageError> {
    let mut answer = pin!(answer);
    if let Ok(answer) = timeout(deadline, answer.as_mut()).await {
        return answer;
    }
    // If it was this thread that was busy, the answer is there and only has not been read yet.
    yield_now().await;
    let last_look = poll_fn(|context| match answer.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    });
    last_look.await.unwrap_or_else(|| Err(StorageError::new("the storage did not answer in time")))
}

impl<S: Storage + 'static> Storage for Resilient<S> {
    fn has_deadline(&self) -> bool {
        true
    }

    fn decide<'a>(&'a self, batch: &'a Batch<'a>, now: Timestamp) -> Answer<'a, Decision> {
        self.guard(|storage| storage.decide(batch, now))
    }

    fn refund<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, ()> {
        self.guard(|storage| storage.refund(taken, now))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.guard(|storage| storage.clear(hits))
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.guard_reset()
    }

    fn probe(&self) -> Answer<'_, ()> {
        self.storage.probe()
    }

    fn is_local(&self) -> bool {
        self.storage.is_local()
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        self.storage.check(policy)
    }
}

impl<S: fmt::Debug> fmt::Debug for Resilient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resilient")
            .field("storage", &self.storage)
            .field("is_open", &self.breaker.is_open())
            .field("deadline", &self.deadline)
            .field("failures", &self.failures)
            .finish()
    }
}
