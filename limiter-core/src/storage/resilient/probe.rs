use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{runtime::Handle, time::sleep};

use super::breaker::Breaker;
use crate::storage::{Storage, deadline::in_time};

/// The pause before the first probe. It doubles with each probe.
const MIN_PAUSE: Duration = Duration::from_millis(100);

const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Probes the storage in the background until it answers, unless another task already does.
pub(super) fn spawn<S: Storage + 'static>(storage: &Arc<S>, breaker: &Arc<Breaker>, deadline: Duration) {
    // Without a runtime no call could have failed.
    let Ok(runtime) = Handle::try_current() else { return };
    if breaker.begin_probing() {
        let turn = ProbingTurn(Arc::clone(breaker));
        runtime.spawn(probe_until_success(Arc::downgrade(storage), turn, deadline));
    }
}

/// Probes until the storage answers or is dropped.
async fn probe_until_success<S: Storage>(storage: Weak<S>, turn: ProbingTurn, deadline: Duration) {
    let mut pause = MIN_PAUSE;
    loop {
        sleep(pause).await;
        let Some(storage) = storage.upgrade() else { return };
        if in_time(deadline, storage.probe()).await.is_ok() {
            turn.0.close();
            return;
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// The turn of one prober. It ends with the task, even if the runtime ends first.
struct ProbingTurn(Arc<Breaker>);

impl Drop for ProbingTurn {
    fn drop(&mut self) {
        self.0.end_probing();
    }
}
