//! Deadlines for storages that have none of their own.

use std::time::Duration;

use limiter_core::storage::{self, Answer, MemoryStorage, Resilient, Storage, StorageError};
use tokio::runtime::Handle;

/// The deadline of a call that a request may wait for.
pub(crate) const OF_REQUESTS: Duration = Resilient::<MemoryStorage>::DEFAULT_DEADLINE;

/// Awaits an answer of a storage. Returns an error if it does not come in time.
pub(crate) async fn in_time<T: Unpin>(
    storage: &dyn Storage,
    answer: Answer<'_, T>,
    deadline: Duration,
) -> Result<T, StorageError> {
    let pending = match answer {
        Answer::Ready(answer) => return answer,
        pending @ Answer::Pending(_) => pending,
    };
    // Without a runtime, no deadline can be kept.
    if storage.has_deadline() || Handle::try_current().is_err() {
        return pending.await;
    }
    storage::in_time(deadline, pending).await
}

#[cfg(test)]
mod tests {
    use std::{
        future::{Future, pending, ready},
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    /// A timer would panic there.
    #[test]
    fn without_a_runtime_an_answer_is_awaited() {
        let storage = MemoryStorage::new();
        let waiting = pin!(in_time(&storage, Answer::Pending(Box::pin(ready(Ok(7)))), OF_REQUESTS));
        let polled = waiting.poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Ready(Ok(7))));
    }

    #[actix_web::test]
    async fn an_answer_that_does_not_come_is_an_error() {
        let storage = MemoryStorage::new();
        let never = Answer::<()>::Pending(Box::pin(pending()));
        let error = in_time(&storage, never, Duration::from_millis(1)).await.expect_err("it never comes");
        assert_eq!(error.to_string(), "the storage did not answer in time");
    }
}
