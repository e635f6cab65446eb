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
    sets: OnceLock<Box<[Mutex<Set>]>>,
    /// The number of clears. An answer to a call that began before the last one is out of date.
    generation: AtomicU64,
}

type Set = [Option<WindowEntry>; PLACES];

/// The number of places in a set.
const PLACES: usize = 4;

/// The number of sets, a power of two. All of them take about 800 kB.
const SETS: usize = 2048;

/// The start of a call to the storage.
#[derive(Clone, Copy)]
pub(super) struct QueryStart {
    at: Timestamp,
    generation: u64,
}

impl WindowTable {
    /// Returns whether any refusal was remembered.
    pub(super) fn is_used(&self) -> bool {
        self.sets.get().is_some()
    }

    /// Marks the start of a call to the storage.
    pub(super) fn query_start(&self, now: Timestamp) -> QueryStart {
        QueryStart { at: now, generation: self.generation.load(Ordering::Acquire) }
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
        set.iter().flatten().find(|entry| entry.is_of(digest))?.window(hit, now)
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
            // Under the lock: a concurrent clear has either begun a generation, or forgets this entry afterwards.
            if let Some(entry) = entry
                && start.generation == self.generation.load(Ordering::Acquire)
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

    pub(super) fn forget_all(&self) {
        for set in self.sets.get().into_iter().flatten() {
            *set.lock() = Set::default();
        }
    }

    /// Begins a generation: answers to calls that began before are not remembered.
    pub(super) fn begin_generation(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn set(&self, digest: u128) -> Option<&Mutex<Set>> {
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

fn remove(set: &mut Set, digest: u128) {
    for place in set.iter_mut() {
        if place.as_ref().is_some_and(|entry| entry.is_of(digest)) {
            *place = None;
        }
    }
}

/// Puts an entry in an empty place, or else in the place of the entry that ranks lowest.
fn insert(set: &mut Set, entry: WindowEntry, now: Timestamp) {
    let rank = |place: &&mut Option<WindowEntry>| place.as_ref().map_or((false, 0), |entry| entry.rank(now));
    if let Some(place) = set.iter_mut().min_by_key(rank) {
        *place = Some(entry);
    }
}
