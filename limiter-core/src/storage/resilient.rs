//! A wrapper for remote storages that adds a deadline and a circuit breaker.

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use tokio::runtime::Handle;

mod breaker;
mod probe;

use self::breaker::Breaker;
use super::{
    Answer, Batch, Decision, Hit, Note, NoteList, Refund, Renewal, Storage, StorageError, deadline::in_time,
};
use crate::{Key, Policy, PolicyError, Scope, Timestamp};

/// Adds a deadline and a circuit breaker to a storage.
///
/// A call that takes longer than the deadline fails. It is not retried, so that a hit which the storage counted
/// all the same counts once.
///
/// Several failures in a row open the circuit: every call fails at once, without a call to the storage. In the
/// background the wrapper [probes](Storage::probe) the storage at growing intervals. The circuit closes at the
/// first probe that succeeds. Both events are logged as warnings; single failures are not.
///
/// It requires a Tokio runtime with time enabled, such as that of actix.
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

/// The deadline of an operation that walks through all keys while no request waits for it.
const WALK_DEADLINE: Duration = Duration::from_secs(60);

/// The deadline of a call about notes, for which no request waits. A list may be long.
const NOTES_DEADLINE: Duration = Duration::from_secs(1);

const DEFAULT_FAILURES: NonZeroU32 = NonZeroU32::new(3).unwrap();

impl<S: Storage + 'static> Resilient<S> {
    /// The default deadline.
    pub const DEFAULT_DEADLINE: Duration = Duration::from_millis(100);

    /// Wraps a storage with the default deadline and a circuit that opens after three failures.
    #[must_use]
    pub fn new(storage: S) -> Self {
        Self {
            storage: Arc::new(storage),
            breaker: Arc::default(),
            deadline: Self::DEFAULT_DEADLINE,
            failures: DEFAULT_FAILURES,
        }
    }

    /// Sets the deadline of a call. Defaults to 100 ms. A reset, and the clearing of a client, have at least one minute,
    /// and a call about notes one second.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the number of failures in a row that open the circuit. Defaults to 3.
    #[must_use]
    pub fn failures(mut self, failures: NonZeroU32) -> Self {
        self.failures = failures;
        self
    }

    /// Returns whether the circuit is open.
    pub fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// Returns the wrapped storage.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// Calls the storage within the deadline, unless the circuit is open.
    fn guard<'a, T: Unpin + Send + 'a>(&'a self, call: impl FnOnce(&'a S) -> Answer<'a, T>) -> Answer<'a, T> {
        if self.breaker.is_open() {
            return self.circuit_open();
        }
        match call(&self.storage) {
            Answer::Ready(answer) => Answer::Ready(self.record(answer)),
            pending @ Answer::Pending(_) => Answer::Pending(Box::pin(async move {
                // That is no fault of the storage, so it is not recorded.
                require_runtime()?;
                self.record(in_time(self.deadline, pending).await)
            })),
        }
    }

    /// Calls the storage within a longer deadline, unless the circuit is open.
    ///
    /// The outcome is not recorded: a storage that has no reset and keeps no notes can still decide.
    fn unrecorded<'a, T: Unpin + Send + 'a>(
        &'a self,
        min_deadline: Duration,
        call: impl FnOnce(&'a S) -> Answer<'a, T>,
    ) -> Answer<'a, T> {
        if self.breaker.is_open() {
            return self.circuit_open();
        }
        match call(&self.storage) {
            ready @ Answer::Ready(_) => ready,
            pending @ Answer::Pending(_) => Answer::Pending(Box::pin(async move {
                require_runtime()?;
                in_time(min_deadline.max(self.deadline), pending).await
            })),
        }
    }

    fn circuit_open<T>(&self) -> Answer<'_, T> {
        // The probe may have ended with the runtime it ran on.
        self.probe_in_background();
        Answer::Ready(Err(StorageError::CIRCUIT_OPEN))
    }

    /// Records the outcome of a call in the circuit breaker.
    fn record<T>(&self, answer: Result<T, StorageError>) -> Result<T, StorageError> {
        match &answer {
            Ok(_) => self.breaker.record_success(),
            Err(error) => {
                if self.breaker.record_failure(self.failures, error) {
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

/// Returns an error outside of a runtime, where no deadline can be kept.
fn require_runtime() -> Result<(), StorageError> {
    let error =
        || StorageError::new("no async runtime: a remote storage requires Tokio, such as that of actix");
    Handle::try_current().map(drop).map_err(|_| error())
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

    fn has_leases(&self) -> bool {
        self.storage.has_leases()
    }

    fn renew<'a>(&'a self, taken: &'a [Refund<'a>], now: Timestamp) -> Answer<'a, Vec<Renewal>> {
        self.guard(|storage| storage.renew(taken, now))
    }

    fn clear<'a>(&'a self, hits: &'a [Hit<'a>]) -> Answer<'a, ()> {
        self.guard(|storage| storage.clear(hits))
    }

    fn clear_client<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, bool> {
        self.unrecorded(WALK_DEADLINE, |storage| storage.clear_client(client, within))
    }

    fn client_scopes<'a>(&'a self, client: &'a Key, within: &'a Scope) -> Answer<'a, Option<Vec<String>>> {
        self.unrecorded(WALK_DEADLINE, |storage| storage.client_scopes(client, within))
    }

    fn reset(&self) -> Answer<'_, ()> {
        self.unrecorded(WALK_DEADLINE, S::reset)
    }

    fn flush(&self, now: Timestamp) -> Answer<'_, ()> {
        self.unrecorded(self.deadline, |storage| storage.flush(now))
    }

    fn probe(&self) -> Answer<'_, ()> {
        let answer = self.storage.probe();
        Answer::Pending(Box::pin(async move {
            require_runtime()?;
            in_time(self.deadline, answer).await
        }))
    }

    fn servers(&self) -> Option<String> {
        self.storage.servers()
    }

    fn has_notes(&self) -> bool {
        self.storage.has_notes()
    }

    fn notes<'a>(
        &'a self,
        list: &'a str,
        known: Option<u64>,
        now: Timestamp,
    ) -> Answer<'a, Option<NoteList>> {
        self.unrecorded(NOTES_DEADLINE, |storage| storage.notes(list, known, now))
    }

    fn put_note<'a>(&'a self, list: &'a str, note: &'a Note, max: usize, now: Timestamp) -> Answer<'a, bool> {
        self.unrecorded(NOTES_DEADLINE, |storage| storage.put_note(list, note, max, now))
    }

    fn remove_note<'a>(&'a self, list: &'a str, name: &'a str, now: Timestamp) -> Answer<'a, bool> {
        self.unrecorded(NOTES_DEADLINE, |storage| storage.remove_note(list, name, now))
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
