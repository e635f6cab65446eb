//! The deadline of a call.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use tokio::{task::yield_now, time::timeout};

use super::{Answer, StorageError, overdue};

/// Returns the answer of a storage, or an error if it is not ready within the deadline. Requires a runtime.
///
/// A call that it drops is marked as overdue, so that connections can distinguish it from one whose client has gone away.
///
/// # Errors
///
/// That of the storage, or one for a storage that did not answer in time.
#[doc(hidden)]
pub async fn in_time<T: Unpin>(deadline: Duration, mut answer: Answer<'_, T>) -> Result<T, StorageError> {
    if let Ok(answer) = timeout(deadline, &mut answer).await {
        return answer;
    }
    // If this thread was the busy one, the answer has arrived but has not been read yet.
    yield_now().await;
    let last_poll = poll_fn(|context| match Pin::new(&mut answer).poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    });
    if let Some(answer) = last_poll.await {
        return answer;
    }
    overdue::drop_overdue(answer);
    Err(StorageError::new("the storage did not answer in time"))
}
