//! Reads the bans of other processes in the background.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use limiter_core::{
    log::{event, shown},
    storage::{NoteList, StorageError},
};
use tokio::{
    runtime::Handle,
    task::AbortHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{ban::Ban, list::BanList};
use crate::{deadline::in_time, linked::Linked, tasks::spawn_on};

/// The time between the beginnings of two reads of a process. With the deadline of a read, a ban is everywhere within 2 s.
const INTERVAL: Duration = Duration::from_millis(900);

/// The age of the last read from which on a worker is overdue. Its own begin a little early rather than late.
const STALE: Duration = Duration::from_millis(1200);

/// The deadline of a call for storages that have none of their own. Requests do not wait for it, but for a manual check
/// in a process without workers, and for the breach that bans by a rule that doubles.
pub(super) const DEADLINE: Duration = Duration::from_secs(1);

const _: () = assert!(INTERVAL.as_millis() + DEADLINE.as_millis() < 2000);

/// The task of one worker that keeps the bans of this process fresh. It ends when this is dropped.
///
/// Each worker has one, so that reads go on while one of them is busy or ends. The first that finds a read due does it.
pub(crate) struct BanRefresher(Option<AbortHandle>);

impl BanRefresher {
    /// Starts the task, if other processes may change the bans.
    pub(crate) fn start(list: &Arc<BanList>) -> Self {
        let Some(runtime) = Handle::try_current().ok().filter(|_| list.is_shared()) else {
            return Self(None);
        };
        let list = Arc::downgrade(list);
        Self(Some(spawn_on(&runtime, REFRESH.get()(list)).abort_handle()))
    }
}

/// Refreshes the bans as long as there are any.
static REFRESH: Linked<fn(Weak<BanList>) -> BoxFuture<'static, ()>> = Linked::new();

pub(crate) fn link_refresher() {
    REFRESH.link(|list| Box::pin(refresh(list)));
}

async fn refresh(list: Weak<BanList>) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(list) = list.upgrade() else { return };
        // A little less than the interval, so that a worker whose timer is early does not skip a turn.
        if list.begin_if(INTERVAL / 10 * 9) {
            // A failure is logged there.
            drop(list.refresh().await);
        }
    }
}

impl Drop for BanRefresher {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl BanList {
    /// Reads the bans if no worker of this process does, for manual checks. A failure is logged, and those known so far
    /// stay in force.
    pub(crate) async fn refresh_if_stale(self: &Arc<Self>) {
        let now = Instant::now();
        if !self.is_shared() || !self.is_stale(now) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            drop(self.refresh().await);
            return;
        };
        let list = Arc::clone(self);
        // A task of its own, so that the read goes on if the check is dropped.
        drop(spawn_on(&runtime, Box::pin(async move { list.refresh_once(now).await })).await);
    }

    /// Reads the bans, unless those who came before have done so for this one too.
    async fn refresh_once(&self, came: Instant) {
        // If whoever reads is stuck, such as in a worker that blocks, this one reads too.
        let _reading = timeout(DEADLINE, self.reading.lock()).await;
        if self.is_stale(came) {
            drop(self.refresh().await);
        }
    }

    /// Returns whether the last read that has ended began too long before this moment.
    fn is_stale(&self, now: Instant) -> bool {
        self.copy.lock().last_read.is_none_or(|last| now.saturating_duration_since(last) >= STALE)
    }

    /// Reads the bans now, if other processes may have changed them. A failure is logged.
    pub(crate) async fn refresh_now(&self) {
        if self.is_shared() {
            drop(self.refresh().await);
        }
    }

    /// Returns whether other processes may change the bans.
    pub(super) fn is_shared(&self) -> bool {
        self.storage.has_notes() && !self.storage.is_local()
    }

    /// Returns whether the last read began so long ago, and notes that another one begins.
    fn begin_if(&self, age: Duration) -> bool {
        let mut copy = self.copy.lock();
        let now = Instant::now();
        let is_due = copy.last_begin.is_none_or(|last| now.duration_since(last) >= age);
        if is_due {
            copy.last_begin = Some(now);
        }
        is_due
    }

    /// Reads the bans from the storage, if they have changed.
    async fn refresh(&self) -> Result<(), StorageError> {
        let begin = Instant::now();
        let known = self.copy.lock().version;
        let read = self.read(known).await;
        // Only now: until then, and if it is dropped, the copy is as old as before.
        self.copy.lock().last_read = Some(begin);
        read.map(drop)
    }

    /// Reads all bans from the storage.
    pub(crate) async fn read_all(&self) -> Result<Vec<Ban>, StorageError> {
        Ok(self.read(None).await?.unwrap_or_default())
    }

    async fn read(&self, known: Option<u64>) -> Result<Option<Vec<Ban>>, StorageError> {
        let step = {
            let mut copy = self.copy.lock();
            copy.step += 1;
            copy.step
        };
        // Before the call: a ban ends a little early rather than late.
        let now = self.clock.now();
        let read = in_time(&*self.storage, self.storage.notes(&self.prefix, known, now), DEADLINE).await;
        self.log(read.as_ref().err());
        let Some(NoteList { version, notes }) = read? else { return Ok(None) };
        let bans: Vec<_> = notes.iter().filter_map(|note| Ban::from_note(note, now)).collect();
        self.apply(step, version, bans.clone());
        Ok(Some(bans))
    }

    /// Logs the first failure of an outage.
    fn log(&self, error: Option<&StorageError>) {
        let was_failing = std::mem::replace(&mut self.copy.lock().is_failing, error.is_some());
        if let Some(error) = error.filter(|_| !was_failing) {
            event!(
                self.failed.permit_now(),
                WARN,
                error = shown(error.with_causes()),
                "bans could not be read from the storage: until it answers, those known so far stay in force"
            );
        }
    }
}
