use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::{task::yield_now, time::timeout};

use crate::storage::{Answer, StorageError};

/// Returns the answer, or an error if it is not ready within the deadline.
pub(super) async fn in_time<T: Unpin>(deadline: Duration, answer: Answer<'_, T>) -> Result<T, StorageError> {
    let mut answer = pin!(answer);
    if let Ok(answer) = timeout(deadline, answer.as_mut()).await {
        return answer;
    }
    // If this thread was the busy one, the answer has arrived but has not been read yet.
    yield_now().await;
    let last_poll = poll_fn(|context| match answer.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    });
    last_poll.await.unwrap_or_else(|| Err(StorageError::new("the storage did not answer in time")))
}
