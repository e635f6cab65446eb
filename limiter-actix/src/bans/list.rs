//! The bans under one key prefix in one storage, shared by the limiters of this process that use both.

use std::{
    fmt,
    net::IpAddr,
    ptr,
    sync::{
        Arc, LazyLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use limiter_core::{Clock, Key, Timestamp, log::Throttle, storage::Storage};
use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use super::{ban::Ban, error::BanError, refresh::DEADLINE, table::BanTable, turn::BanTurns};
use crate::{deadline::in_time, linked::Linked};

/// The bans and passes, with their copy in this process.
pub(crate) struct BanList {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) prefix: Arc<str>,
    pub(super) clock: Arc<dyn Clock>,
    /// `false` while there is no ban and no pass. The only cost of a request then.
    is_in_use: AtomicBool,
    table: RwLock<BanTable>,
    pub(super) copy: Mutex<CopyState>,
    /// Held by a manual check while it reads, so that others wait for the same read.
    pub(super) reading: AsyncMutex<()>,
    /// Held by a change of a local storage, so that the copy, which is not read anew, gets changes in their order.
    changing: AsyncMutex<()>,
    /// The bans by rule under way.
    pub(crate) turns: Arc<BanTurns>,
    pub(super) failed: Throttle,
}

/// The state of the copy.
#[derive(Default)]
pub(super) struct CopyState {
    /// The version of the list that the copy is of.
    pub(super) version: Option<u64>,
    /// The number of reads and changes so far. A read that began before a change ended does not know it.
    pub(super) step: u64,
    /// The step before which reads are outdated.
    pub(super) oldest_valid: u64,
    /// The beginning of the last read of a worker, which may be under way.
    pub(super) last_begin: Option<Instant>,
    /// The beginning of the last read that has ended.
    pub(super) last_read: Option<Instant>,
    /// Set once the failure of a read is logged.
    pub(super) is_failing: bool,
}

/// Finds a ban in a list. Linked as soon as there is any.
static FIND: Linked<FindFn> = Linked::new();

type FindFn = fn(&BanList, &[&Key], Option<IpAddr>, Timestamp) -> Option<Arc<Ban>>;

/// Weak, so that a list ends with its limiters.
static LISTS: LazyLock<Mutex<Vec<Weak<BanList>>>> = LazyLock::new(Mutex::default);

impl BanList {
    /// Returns the list of this storage and prefix, which its limiters share.
    pub(crate) fn of(storage: Arc<dyn Storage>, prefix: &Arc<str>, clock: &Arc<dyn Clock>) -> Arc<Self> {
        let mut lists = LISTS.lock();
        lists.retain(|list| list.strong_count() > 0);
        let known = lists.iter().filter_map(Weak::upgrade);
        let same = |list: &Arc<Self>| {
            ptr::addr_eq(Arc::as_ptr(&list.storage), Arc::as_ptr(&storage)) && list.prefix == *prefix
        };
        if let Some(list) = known.into_iter().find(same) {
            return list;
        }
        let list = Arc::new(Self {
            storage,
            prefix: Arc::clone(prefix),
            clock: Arc::clone(clock),
            is_in_use: AtomicBool::new(false),
            table: RwLock::default(),
            copy: Mutex::default(),
            reading: AsyncMutex::default(),
            changing: AsyncMutex::default(),
            turns: Arc::default(),
            failed: Throttle::of("L041"),
        });
        lists.push(Arc::downgrade(&list));
        list
    }

    /// Returns whether there is any ban or pass.
    #[inline]
    pub(crate) fn is_in_use(&self) -> bool {
        self.is_in_use.load(Ordering::Relaxed)
    }

    /// Returns the ban or pass of a request, by the keys that count it and by the client's address.
    #[cold]
    pub(crate) fn find<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k Key>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<Arc<Ban>> {
        let find = FIND.if_linked()?;
        find(self, &keys.into_iter().collect::<SmallVec<[_; 4]>>(), address, now)
    }

    fn find_now(&self, keys: &[&Key], address: Option<IpAddr>, now: Timestamp) -> Option<Arc<Ban>> {
        let table = self.table.read();
        let found = table.find(keys.iter().copied(), address, now).cloned();
        let is_over = table.is_over(now);
        drop(table);
        if is_over {
            self.replace_if(now);
        }
        found
    }

    /// Empties the table if all of it is over, so that requests no longer look there.
    fn replace_if(&self, now: Timestamp) {
        let mut table = self.table.write();
        if table.is_over(now) {
            *table = BanTable::default();
            self.is_in_use.store(false, Ordering::Relaxed);
        }
    }

    /// Adds a ban or a pass, in place of any of the same name.
    pub(crate) async fn put(
        &self,
        name: &str,
        is_pass: bool,
        duration: Duration,
        reason: &str,
    ) -> Result<(), BanError> {
        if duration.is_zero() {
            return Err(BanError::NoDuration);
        }
        if reason.len() > Ban::MAX_REASON_LEN {
            return Err(BanError::ReasonTooLong);
        }
        let _turn = self.turn_to_change().await;
        let now = self.clock.now();
        let ban = Ban::new(name, is_pass, reason, now.after(duration));
        let note = ban.note(duration);
        let put = self.storage.put_note(&self.prefix, &note, Ban::MAX_COUNT, now);
        if !in_time(&*self.storage, put, DEADLINE).await? {
            return Err(BanError::Full);
        }
        self.change(|table| table.insert(ban));
        Ok(())
    }

    /// Removes the bans, or the passes, of these names. Returns whether there was any.
    pub(crate) async fn remove(&self, names: &[String], is_pass: bool) -> Result<bool, BanError> {
        let _turn = self.turn_to_change().await;
        let mut had_any = false;
        for ban in self.read_all().await? {
            if ban.is_pass() == is_pass && names.iter().any(|name| name == ban.client()) {
                let remove = self.storage.remove_note(&self.prefix, ban.client(), self.clock.now());
                had_any |= in_time(&*self.storage, remove, DEADLINE).await?;
                self.change(|table| drop(table.remove(ban.client())));
            }
        }
        Ok(had_any)
    }

    /// Storages on other machines are read again, and may take a while to fail: changes there do not wait for each other.
    async fn turn_to_change(&self) -> Option<MutexGuard<'_, ()>> {
        if self.is_shared() { None } else { Some(self.changing.lock().await) }
    }

    /// Changes the copy at once, as the storage has been changed.
    fn change(&self, change: impl FnOnce(&mut BanTable)) {
        let mut copy = self.copy.lock();
        copy.step += 1;
        copy.oldest_valid = copy.step;
        // The next read compares nothing.
        copy.version = None;
        let mut table = self.table.write();
        change(&mut table);
        FIND.link(Self::find_now);
        self.is_in_use.store(!table.is_over(self.clock.now()), Ordering::Relaxed);
    }

    /// Replaces the copy by what a read returned, unless a later step has made it outdated.
    pub(super) fn apply(&self, step: u64, version: u64, bans: Vec<Ban>) {
        let mut copy = self.copy.lock();
        if step < copy.oldest_valid {
            return;
        }
        copy.oldest_valid = step;
        copy.version = Some(version);
        let mut table = self.table.write();
        *table = BanTable::new(bans);
        FIND.link(Self::find_now);
        self.is_in_use.store(!table.is_over(self.clock.now()), Ordering::Relaxed);
    }
}

impl fmt::Debug for BanList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BanList").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
