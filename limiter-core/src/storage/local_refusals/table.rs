use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::entry::Entry;
use crate::{Timestamp, Window, storage::Hit};

/// How limits stand that were refused a short while ago, or stood in a batch that was.
///
/// Each has a few places under a seeded hash of its identity and client; of those that share them, the ones that are
/// soonest over leave.
#[derive(Default)]
pub(super) struct Table {
    /// Made for the first refusal: most clients of most storages are never refused.
    sets: OnceLock<Box<[Mutex<Set>]>>,
    /// How often something was cleared. What was asked before that is no longer known.
    generation: AtomicU64,
}

type Set = [Option<Entry>; PLACES];

/// In a set.
const PLACES: usize = 4;

/// A power of two. All sets take about 800 kB.
const SETS: usize = 2048;

/// When the storage was asked, before it was.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    at: Timestamp,
    generation: u64,
}

impl Table {
    /// Whether anything was ever refused.
    pub(super) fn is_used(&self) -> bool {
        self.sets.get().is_some()
    }

    pub(super) fn asked(&self, now: Timestamp) -> Asked {
        Asked { at: now, generation: self.generation.load(Ordering::Acquire) }
    }

    /// How all these hits stand; none when that is not known of one.
    pub(super) fn windows(&self, hits: &[Hit<'_>], now: Timestamp) -> Option<SmallVec<[Window; 6]>> {
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

    /// Remembers how these hits stood when the storage was asked, and forgets what cannot be remembered of them.
    pub(super) fn remember(&self, hits: &[Hit<'_>], windows: &[Window], asked: Asked) {
        let sets = self.sets.get_or_init(|| (0..SETS).map(|_| Mutex::default()).collect());
        let digests = digests(hits);
        for ((hit, window), digest) in hits.iter().zip(windows).zip(digests.iter().copied()) {
            let entry = Entry::new(digest, hit, window, asked.at).filter(|_| is_alone(&digests, digest));
            let mut set = sets[place(digest)].lock();
            remove(&mut set, digest);
            // Under the lock: what is cleared now is either gone already or forgotten after this.
            if let Some(entry) = entry
                && asked.generation == self.generation.load(Ordering::Acquire)
            {
                insert(&mut set, entry, asked.at);
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

    /// Lets nothing be remembered that was asked before now.
    pub(super) fn begin_anew(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn set(&self, digest: u128) -> Option<&Mutex<Set>> {
        Some(&self.sets.get()?[place(digest)])
    }
}

fn digests(hits: &[Hit<'_>]) -> SmallVec<[u128; 6]> {
    hits.iter().map(Hit::digest).collect()
}

/// Of a count that a batch hits twice, a report says how it stands between the two.
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

/// In an empty place, or else in that of the one that is soonest over.
fn insert(set: &mut Set, entry: Entry, now: Timestamp) {
    let rank = |place: &&mut Option<Entry>| place.as_ref().map_or((false, 0), |there| there.rank(now));
    if let Some(place) = set.iter_mut().min_by_key(rank) {
        *place = Some(entry);
    }
}
