use std::{future::Future, sync::Arc};

use tokio::{runtime::Handle, sync::Semaphore, task::JoinHandle};

/// Calls that run in tasks of their own, to their end even if the request is dropped.
///
/// Their number is bounded. Further calls wait in their requests, so a request that is dropped before it has begun
/// leaves nothing behind.
pub(super) struct BackgroundCalls(Arc<Semaphore>);

/// The maximum number of calls that run at once.
const MAX_CALLS: usize = 1024;

impl BackgroundCalls {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CALLS)))
    }

    /// Waits until fewer than the maximum number of calls run, then begins this one.
    pub(super) async fn begin<T: Send + 'static>(
        &self,
        runtime: &Handle,
        call: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        // The semaphore is never closed; without a permit the call would run all the same.
        let permit = Arc::clone(&self.0).acquire_owned().await;
        runtime.spawn(async move {
            let result = call.await;
            drop(permit);
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use tokio::time::timeout;

    use super::*;

    /// The defect: a flood of calls that are dropped at once grows for as long as the server does not respond.
    #[tokio::test(start_paused = true)]
    async fn dropped_calls_run_to_their_end_and_are_bounded() {
        let (calls, running) = (BackgroundCalls::new(), Arc::new(AtomicUsize::new(0)));
        let (answer, answered) = tokio::sync::watch::channel(false);
        for _ in 0..10 * MAX_CALLS {
            let (running, mut answered) = (Arc::clone(&running), answered.clone());
            let call = async move {
                running.fetch_add(1, Ordering::Relaxed);
                let _ = answered.wait_for(|answered| *answered).await;
                running.fetch_sub(1, Ordering::Relaxed);
            };
            let request = async { calls.begin(&Handle::current(), call).await.await };
            assert!(timeout(Duration::from_millis(1), request).await.is_err(), "it is dropped");
        }
        assert_eq!(running.load(Ordering::Relaxed), MAX_CALLS);
        answer.send_replace(true);
        let after = timeout(Duration::from_secs(1), calls.begin(&Handle::current(), async { 7 })).await;
        assert_eq!(after.expect("there is room").await.unwrap(), 7);
        assert_eq!(running.load(Ordering::Relaxed), 0);
    }
}
