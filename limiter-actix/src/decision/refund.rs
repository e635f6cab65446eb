//! Refunds to a remote storage, without delaying the response.

use std::{fmt, sync::Arc};

use limiter_core::{
    Key, Timestamp,
    log::{event, shown},
    storage::{Refund, Storage},
};
use tokio::sync::oneshot;

use super::charge::Charges;
use crate::{
    deadline::{OF_REQUESTS, in_time},
    linked::Linked,
    settings::Config,
    tasks::spawn,
};

/// Charges to be refunded to a remote storage. Logs a warning if the refund fails, or if it is dropped unsent.
pub(crate) struct RefundTask {
    charges: Charges,
    client: Key,
    now: Timestamp,
    storage: Arc<dyn Storage>,
    config: Arc<Config>,
    is_sent: bool,
}

/// The function that sends refunds.
static REFUNDS: Linked<Refunds> = Linked::new();

#[derive(Clone, Copy)]
struct Refunds {
    spawn: fn(RefundTask),
    open: fn() -> RefundChannel,
}

pub(crate) fn link_refunds() {
    let (spawn, open): (fn(RefundTask), _) = (|task| spawn(Box::pin(task.send())), RefundChannel::open_now);
    REFUNDS.link(Refunds { spawn, open });
}

impl RefundTask {
    pub(crate) fn new(
        charges: Charges,
        client: Key,
        now: Timestamp,
        storage: Arc<dyn Storage>,
        config: Arc<Config>,
    ) -> Self {
        Self { charges, client, now, storage, config, is_sent: false }
    }

    /// Sends the refund in the background.
    pub(crate) fn spawn(self) {
        (REFUNDS.get().spawn)(self);
    }

    /// Sends the refund, and awaits the answer of the storage.
    async fn send(mut self) {
        let refunds: Vec<Refund<'_>> =
            self.charges.iter().filter_map(|charge| charge.refund(&self.client)).collect();
        if let Err(error) =
            in_time(&*self.storage, self.storage.refund(&refunds, self.now), OF_REQUESTS).await
        {
            self.config.health.count_error(&error);
            self.log_lost(&error.with_causes());
        }
        drop(refunds);
        self.is_sent = true;
    }

    fn log_lost(&self, error: &dyn fmt::Display) {
        event!(
            self.config.settings.telemetry.lines.refund_failed.permit(self.now),
            WARN,
            error = shown(error),
            "refund failed: the cost stays charged until its window ends"
        );
    }
}

/// A worker that shuts down drops its tasks unfinished.
impl Drop for RefundTask {
    fn drop(&mut self) {
        if !self.is_sent {
            self.log_lost(&"its task ended early, as in a worker that shuts down");
        }
    }
}

/// A channel to a task that sends refunds to a remote storage.
///
/// The task is spawned while the request is in flight. A request may be dropped where spawning panics, such as in
/// a worker that shuts down, and a panic while unwinding aborts the process.
pub(crate) struct RefundChannel(oneshot::Sender<RefundTask>);

impl RefundChannel {
    /// Spawns the task.
    pub(crate) fn open() -> Self {
        (REFUNDS.get().open)()
    }

    fn open_now() -> Self {
        let (sender, receiver) = oneshot::channel::<RefundTask>();
        spawn(Box::pin(async move {
            // Requests with a response drop their sender.
            if let Ok(task) = receiver.await {
                task.send().await;
            }
        }));
        Self(sender)
    }

    /// Hands the refund to the task.
    pub(crate) fn send(self, task: RefundTask) {
        // If the task is gone, dropping the refund logs it.
        drop(self.0.send(task));
    }
}
