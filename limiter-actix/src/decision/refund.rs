//! What a storage elsewhere is to get back.

use std::{fmt, sync::Arc};

use actix_web::rt;
use limiter_core::{
    Key, Timestamp,
    storage::{Refund, Storage},
};
use tokio::sync::oneshot;

use super::{charge::Charges, deadline::in_time};
use crate::settings::Config;

/// What a storage elsewhere is to get back. Where that does not come about, the log says so.
pub(crate) struct RefundTask {
    charges: Charges,
    client: Key,
    now: Timestamp,
    storage: Arc<dyn Storage>,
    config: Arc<Config>,
    is_done: bool,
}

impl RefundTask {
    pub(crate) fn new(
        charges: Charges,
        client: Key,
        now: Timestamp,
        storage: Arc<dyn Storage>,
        config: Arc<Config>,
    ) -> Self {
        Self { charges, client, now, storage, config, is_done: false }
    }

    pub(crate) async fn send(mut self) {
        let refunds: Vec<Refund<'_>> =
            self.charges.iter().filter_map(|charge| charge.refund(&self.client)).collect();
        if let Err(error) = in_time(&*self.storage, self.storage.refund(&refunds, self.now)).await {
            self.config.health.count_error();
            log_lost(&error.with_causes());
        }
        drop(refunds);
        self.is_done = true;
    }
}

/// The tasks of a worker that shuts down are dropped where they stand.
impl Drop for RefundTask {
    fn drop(&mut self) {
        if !self.is_done {
            log_lost(&"the task for it ended before, as in a worker that shuts down");
        }
    }
}

fn log_lost(error: &dyn fmt::Display) {
    tracing::warn!(code = "L006", %error, "what was taken could not be given back");
}

/// Leads to a task that gives back to a storage elsewhere.
///
/// The task begins while the request is on its way: a request may be dropped where none can begin, such as in a
/// worker that shuts down, and a panic there could end the program.
pub(crate) struct RefundChannel(oneshot::Sender<RefundTask>);

impl RefundChannel {
    pub(crate) fn open() -> Self {
        let (sender, receiver) = oneshot::channel::<RefundTask>();
        rt::spawn(async move {
            // Nothing comes of requests that are answered.
            if let Ok(task) = receiver.await {
                task.send().await;
            }
        });
        Self(sender)
    }

    pub(crate) fn send(self, task: RefundTask) {
        // What comes back has nowhere to go, and says so when it is dropped.
        drop(self.0.send(task));
    }
}
