use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{runtime::Handle, time::sleep};

use super::{breaker::Breaker, in_time};
use crate::storage::Storage;

/// Before the first probe.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Pauses double up to this one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Probes the storage until it answers, unless somebody does so already.
pub(super) fn spawn<S: Storage + 'static>(storage: &Arc<S>, breaker: &Arc<Breaker>, deadline: Duration) {
    // Without a runtime there would have been no call that failed.
    let Ok(runtime) = Handle::try_current() else { return };
    if breaker.begin_probing() {
        let turn = Turn(Arc::clone(breaker));
        runtime.spawn(until_it_answers(Arc::downgrade(storage), turn, deadline));
    }
}

/// Ends when the storage is dropped, too.
async fn until_it_answers<S: Storage>(storage: Weak<S>, turn: Turn, deadline: Duration) {
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        let Some(storage) = storage.upgrade() else { return };
        if in_time(deadline, storage.probe()).await.is_ok() {
            turn.0.close();
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The turn of one prober. It ends with the prober, even when its runtime ends first.
struct Turn(Arc<Breaker>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.end_probing();
    }
}
