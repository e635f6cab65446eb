use std::{io, time::Duration};

use redis::{RedisError, RedisResult};
use tokio::{
    runtime::{self, Handle},
    sync::watch,
    time::timeout,
};

/// Something that is tried once for all who wait for it, in the background of one async runtime: a request that
/// gives up does not end it.
pub(super) struct Attempt<T> {
    runtime: runtime::Id,
    /// None until it has come to an end.
    outcome: watch::Receiver<Option<RedisResult<T>>>,
}

impl<T: Clone + Send + Sync + 'static> Attempt<T> {
    pub(super) fn begin(
        handle: &Handle,
        patience: Duration,
        work: impl Future<Output = RedisResult<T>> + Send + 'static,
    ) -> Self {
        let (sender, outcome) = watch::channel(None);
        handle.spawn(async move {
            let too_late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
            sender.send_replace(Some(timeout(patience, work).await.unwrap_or_else(too_late)));
            // When the runtime ends so does this, by which the attempt is known to be an orphan.
            sender.closed().await;
        });
        Self { runtime: handle.id(), outcome }
    }

    pub(super) async fn outcome(&self) -> RedisResult<T> {
        let mut outcome = self.outcome.clone();
        let ended = |_| RedisError::from(io::Error::from(io::ErrorKind::NotConnected));
        let seen = outcome.wait_for(Option::is_some).await.map_err(ended)?;
        seen.clone().unwrap_or_else(|| Err(io::Error::from(io::ErrorKind::NotConnected).into()))
    }

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

    /// Whether its runtime has ended.
    pub(super) fn is_orphan(&self) -> bool {
        self.outcome.has_changed().is_err()
    }
}
