use std::{io, time::Duration};

use redis::{RedisError, RedisResult};
use tokio::{
    runtime::{self, Handle},
    sync::watch,
    time::timeout,
};

/// An attempt whose outcome is shared by all tasks that wait for it.
///
/// It runs in the background of one async runtime, so that a request which gives up does not end it.
pub(super) struct SharedAttempt<T> {
    runtime: runtime::Id,
    /// `None` until the attempt has ended.
    outcome: watch::Receiver<Option<RedisResult<T>>>,
}

impl<T: Clone + Send + Sync + 'static> SharedAttempt<T> {
    pub(super) fn begin(
        handle: &Handle,
        time_limit: Duration,
        work: impl Future<Output = RedisResult<T>> + Send + 'static,
    ) -> Self {
        let (sender, outcome) = watch::channel(None);
        handle.spawn(async move {
            let too_late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
            sender.send_replace(Some(timeout(time_limit, work).await.unwrap_or_else(too_late)));
            // This task lives as long as its runtime, by which `is_orphan` detects that the runtime has ended.
            sender.closed().await;
        });
        Self { runtime: handle.id(), outcome }
    }

    /// Waits for the outcome.
    pub(super) async fn outcome(&self) -> RedisResult<T> {
        let mut outcome = self.outcome.clone();
        let runtime_ended = |_| RedisError::from(io::Error::from(io::ErrorKind::NotConnected));
        let ended = outcome.wait_for(Option::is_some).await.map_err(runtime_ended)?;
        ended.clone().unwrap_or_else(|| Err(io::Error::from(io::ErrorKind::NotConnected).into()))
    }

    /// Returns whether the attempt runs on this runtime.
    pub(super) fn is_of(&self, handle: &Handle) -> bool {
        self.runtime == handle.id()
    }

    #[cfg(feature = "redis-cluster")]
    pub(super) fn has_ended(&self) -> bool {
        self.outcome.borrow().is_some()
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(*self.outcome.borrow(), Some(Err(_)))
    }

    /// Returns whether the runtime of the attempt has ended.
    pub(super) fn is_orphan(&self) -> bool {
        self.outcome.has_changed().is_err()
    }
}
