use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::StorageError;

/// The answer of a storage: either ready or a future.
///
/// The memory storage answers at once, without an allocation or an await. Only remote storages pay for a future.
#[must_use = "an answer that is not awaited may do nothing"]
pub enum Answer<'a, T> {
    /// The answer is ready.
    Ready(Result<T, StorageError>),
    /// The answer is pending.
    Pending(Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>),
}

impl<T> Answer<'_, T> {
    /// Creates an answer that is ready.
    pub fn ready(value: T) -> Self {
        Self::Ready(Ok(value))
    }
}

impl<T: Unpin> Future for Answer<'_, T> {
    type Output = Result<T, StorageError>;

    /// Polls the answer.
    ///
    /// # Panics
    ///
    /// May panic if polled again after it was ready, as any future may.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const SPENT: StorageError = StorageError::polled_after_ready();
        match self.get_mut() {
            Self::Ready(answer) => Poll::Ready(std::mem::replace(answer, Err(SPENT))),
            Self::Pending(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Answer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(answer) => f.debug_tuple("Ready").field(answer).finish(),
            Self::Pending(_) => f.write_str("Pending(..)"),
        }
    }
}
