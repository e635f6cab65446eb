//! Where jobs are handed in.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    failure::Failure,
    group::{self, Group},
    job::Job,
    line::Lines,
    queue::{Place, Queue},
    wire::{Commands, Reply},
};
use crate::storage::Decision;

/// The servers, and who waits for what of them.
pub(super) struct Desk {
    pub(super) servers: Vec<Lines>,
    pub(super) queue: Mutex<Queue>,
}

impl Desk {
    pub(super) fn new(servers: Vec<Lines>) -> Self {
        Self { servers, queue: Mutex::default() }
    }

    /// Has a job done.
    pub(super) async fn hand_in(self: &Arc<Self>, job: Job) -> Result<Decision, Failure> {
        let runtime = Handle::try_current().map_err(|_| Failure::NO_RUNTIME)?;
        let (outcome, decision) = oneshot::channel();
        let place = self.queue.lock().arrive((job, outcome));
        match place {
            // In the background: others may come to wait for it, and this request may give up.
            Place::First(job) => {
                let group = Group::new(Arc::clone(self), vec![job]);
                drop(runtime.spawn(group::lead(group)));
            }
            Place::Later => {}
            Place::None => return Err(Failure::CROWDED),
        }
        decision.await.unwrap_or(Err(Failure::ENDED))
    }

    /// Asks one server, with nobody's counts in mind.
    pub(super) async fn ask(&self, server: usize, commands: Commands) -> Result<Vec<Reply>, Failure> {
        let lines = &self.servers[server];
        lines.ask(&lines.line()?, commands).await
    }
}
