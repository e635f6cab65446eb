//! Entries on their way to a file and back.

use super::{counters::Counters, entry::Entry, layout::EntryLayout};
use crate::strategy::{SavedState, WIDE};

/// Some entries of a shard, with the layouts that they have.
#[derive(Default)]
pub(super) struct SavedEntries {
    pub(super) layouts: Vec<EntryLayout>,
    pub(super) inside: Vec<(usize, Entry<WIDE>)>,
    pub(super) outside: Vec<(Entry<WIDE>, Vec<(u64, SavedState)>)>,
    /// The hits in the logs of moving windows.
    hits: usize,
}

/// An entry of a file.
pub(super) enum RestoredEntry {
    Inside { entry: Entry<WIDE>, layout: EntryLayout },
    Outside { entry: Entry, counters: Counters },
}

/// The entries that are copied under one lock, and the hits of moving windows.
const MAX_ENTRIES: usize = 256;
const MAX_HITS: usize = 10_000;

impl SavedEntries {
    /// Returns whether the lock should be released before more is added.
    pub(super) fn is_full(&self) -> bool {
        self.inside.len() + self.outside.len() >= MAX_ENTRIES || self.hits >= MAX_HITS
    }

    pub(super) fn add_inside(&mut self, entry: Entry<WIDE>, layout: &EntryLayout) {
        let known = self.layouts.iter().position(|known| known == layout);
        let number = known.unwrap_or_else(|| {
            self.layouts.push(layout.clone());
            self.layouts.len() - 1
        });
        self.inside.push((number, entry));
    }

    pub(super) fn add_outside(&mut self, entry: Entry<WIDE>, counters: Vec<(u64, SavedState)>) {
        if counters.is_empty() {
            return;
        }
        let hits = |(_, state): &(u64, SavedState)| match state {
            SavedState::Moving(hits, _) => hits.len(),
            _ => 0,
        };
        self.hits += counters.iter().map(hits).sum::<usize>();
        self.outside.push((entry, counters));
    }
}

impl RestoredEntry {
    /// Returns the part of the digest that finds the entry in its shard.
    pub(super) fn digest(&self) -> u128 {
        match self {
            Self::Inside { entry, .. } => entry.digest(),
            Self::Outside { entry, .. } => entry.digest(),
        }
    }
}
