//! Frees and renews leases in the background.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{runtime::Handle, time::timeout};

use super::leases::HeldLeases;
use crate::{linked::Linked, tasks::spawn_on};

/// The longest time between two looks for leases to free or to renew.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The task of one worker that frees and renews the leases of this process. It ends some time after this is dropped.
///
/// Each worker has one, so that this goes on while one of them is busy or ends.
pub(crate) struct LeaseKeeper(#[expect(dead_code, reason = "the task ends with it")] Arc<()>);

/// Keeps the leases while there is the worker.
static KEEP: Linked<KeepFn> = Linked::new();

type KeepFn = fn(Weak<()>, Weak<HeldLeases>) -> BoxFuture<'static, ()>;

pub(crate) fn link_keeper() {
    KEEP.link(|worker, leases| Box::pin(keep(worker, leases)));
}

impl LeaseKeeper {
    /// Starts the task, if there may be leases.
    pub(crate) fn start(leases: Option<&Arc<HeldLeases>>) -> Self {
        let token = Arc::new(());
        if let (Some(leases), Ok(runtime)) = (leases, Handle::try_current()) {
            let (worker, leases) = (Arc::downgrade(&token), Arc::downgrade(leases));
            drop(spawn_on(&runtime, KEEP.get()(worker, leases)));
        }
        Self(token)
    }
}

async fn keep(worker: Weak<()>, leases: Weak<HeldLeases>) {
    while worker.strong_count() > 0 {
        let Some(wake) = leases.upgrade().map(|it| (Arc::clone(&it.ended), it.duration / 6)) else { return };
        let (ended, pause) = wake;
        // Either will do.
        drop(timeout(pause.min(MAX_PAUSE), ended.notified()).await);
        let Some(leases) = leases.upgrade() else { return };
        leases.free_ended().await;
        leases.renew_if_due().await;
    }
}
