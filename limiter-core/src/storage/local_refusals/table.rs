use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::entry::WindowEntry;
use crate::{
    Timestamp, Window,
    storage::{Hit, decision::Windows},
};

/// A set-associative table of windows from batches that were refused a short while ago.
///
/// A seeded hash of the limit and client selects a set of few places. A new entry replaces the one of its set that
/// ends first.
#[derive(Default)]
pub(super) struct WindowTable {
    /// Allocated at the first refusal, since many storages never refuse.
    sets: OnceLock<Box<[Mutex<WindowSet>]>>,
    /// The number of clears and refunds so far: the clock that orders them and the calls to the storage.
    clears: AtomicU64,
    /// The last clear of all counts. An answer to a call that began before it is out of date.
    all_cleared: AtomicU64,
}

#[derive(Default)]
struct WindowSet {
    entries: [Option<WindowEntry>; PLACES],
    /// The last clear or refund of a count of this set. Answers about others are not out of date.
    cleared: u64,
}

/// The number of places in a set.
const PLACES: usize = 4;

/// The number of sets, a power of two. All of them take about 800 kB.
const SETS: usize = 2048;

/// The start of a call to the storage.
#[derive(Clone, Copy)]
pub(super) struct QueryStart {
    at: Timestamp,
    clears: u64,
}

impl WindowTable {
    /// Returns whether any refusal was remembered.
    pub(super) fn is_used(&self) -> bool {
        self.sets.get().is_some()
    }

    /// Marks the start of a call to the storage.
    pub(super) fn query_start(&self, now: Timestamp) -> QueryStart {
        QueryStart { at: now, clears: self.clears.load(Ordering::Acquire) }
    }

    /// Returns the windows of all these hits, or `None` if one is missing.
    pub(super) fn windows(&self, hits: &[Hit<'_>], now: Timestamp) -> Option<Windows> {
        let digests = digests(hits);
        let window = |(place, hit)| {
            let digest = digests[place];
            is_alone(&digests, digest).then(|| self.window(digest, hit, now)).flatten()
        };
        hits.iter().enumerate().map(window).collect()
    }

    fn window(&self, digest: u128, hit: &Hit<'_>, now: Timestamp) -> Option<Window> {
        let set = self.set(digest)?.lock();
        set.entries.iter().flatten().find(|entry| entry.is_of(digest))?.window(hit, now)
    }

    /// Remembers the windows of these hits from a call to the storage.
    ///
    /// Forgets earlier windows of hits whose windows may change at any time.
    pub(super) fn remember(&self, hits: &[Hit<'_>], windows: &[Window], start: QueryStart) {
        let sets = self.sets.get_or_init(|| (0..SETS).map(|_| Mutex::default()).collect());
        let digests = digests(hits);
        for ((hit, window), digest) in hits.iter().zip(windows).zip(digests.iter().copied()) {
            let entry =
                WindowEntry::new(digest, hit, window, start.at).filter(|_| is_alone(&digests, digest));
            let mut set = sets[place(digest)].lock();
            remove(&mut set, digest);
            // Under the lock: a concurrent clear is either seen here, or forgets this entry afterwards.
            let cleared = set.cleared.max(self.all_cleared.load(Ordering::Acquire));
            if let Some(entry) = entry
                && cleared <= start.clears
            {
                insert(&mut set, entry, start.at);
            }
        }
    }

    pub(super) fn forget<'a>(&self, hits: impl IntoIterator<Item = &'a Hit<'a>>) {
        if !self.is_used() {
            return;
        }
        for digest in hits.into_iter().map(Hit::digest) {
            if let Some(set) = self.set(digest) {
                remove(&mut set.lock(), digest);
            }
        }
    }

    /// Forgets the windows of these hits, also those in answers to calls that began before.
    pub(super) fn forget_with_answers<'a>(&self, hits: impl IntoIterator<Item = &'a Hit<'a>>) {
        let cleared = self.next_clear();
        if !self.is_used() {
            // There is no set yet that could keep it.
            self.all_cleared.fetch_max(cleared, Ordering::AcqRel);
        }
        for digest in hits.into_iter().map(Hit::digest) {
            if let Some(set) = self.set(digest) {
                let mut set = set.lock();
                set.cleared = set.cleared.max(cleared);
                remove(&mut set, digest);
            }
        }
    }

    /// Forgets all windows, also those in answers to calls that began before.
    pub(super) fn forget_all(&self) {
        self.all_cleared.fetch_max(self.next_clear(), Ordering::AcqRel);
        for set in self.sets.get().into_iter().flatten() {
            set.lock().entries = Default::default();
        }
    }

    /// Returns the number of a clear that begins now.
    fn next_clear(&self) -> u64 {
        self.clears.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn set(&self, digest: u128) -> Option<&Mutex<WindowSet>> {
        Some(&self.sets.get()?[place(digest)])
    }
}

fn digests(hits: &[Hit<'_>]) -> SmallVec<[u128; 6]> {
    hits.iter().map(Hit::digest).collect()
}

/// Returns whether a batch hits a count once.
///
/// Of a count hit twice, the first report is of the time between the two hits.
fn is_alone(digests: &[u128], digest: u128) -> bool {
    digests.iter().filter(|other| **other == digest).count() == 1
}

fn place(digest: u128) -> usize {
    // The masked value fits.
    usize::try_from(digest & (SETS as u128 - 1)).unwrap_or(0)
}

fn remove(set: &mut WindowSet, digest: u128) {
    for place in &mut set.entries {
        if place.as_ref().is_some_and(|entry| entry.is_of(digest)) {
            *place = None;
        }
    }
}

/// Puts an entry in an empty place, or else in the place of the entry that ranks lowest.
fn insert(set: &mut WindowSet, entry: WindowEntry, now: Timestamp) {
    let rank = |place: &&mut Option<WindowEntry>| place.as_ref().map_or((false, 0), |entry| entry.rank(now));
    if let Some(place) = set.entries.iter_mut().min_by_key(rank) {
        *place = Some(entry);
    }
}
