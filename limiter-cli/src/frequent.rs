//! The most frequent keys of a stream in bounded memory.

use std::{cmp::Reverse, collections::HashMap, fmt::Debug, hash::Hash};

use foldhash::fast::RandomState;

/// The most keys that are kept.
const MAX_KEYS: usize = 1 << 15;

/// Counts of the most frequent keys (Misra and Gries, 1982).
///
/// When the table is full, the median of its counts is subtracted from all, and those that are not above it leave. A
/// count is then too low by at most what was subtracted, which [`error`](Self::error) states.
pub(crate) struct Frequent<K, V> {
    counts: HashMap<K, (u64, V), RandomState>,
    max: usize,
    subtracted: u64,
}

impl<K, V> Default for Frequent<K, V> {
    fn default() -> Self {
        Self { counts: HashMap::default(), max: MAX_KEYS, subtracted: 0 }
    }
}

impl<K: Clone + Debug + Eq + Hash, V> Frequent<K, V> {
    /// Counts a key, and returns its value.
    pub(crate) fn count(&mut self, key: &K, new: impl FnOnce() -> V) -> &mut V {
        if self.counts.len() >= self.max && !self.counts.contains_key(key) {
            self.make_room();
        }
        let (count, value) = self.counts.entry(key.clone()).or_insert_with(|| (0, new()));
        *count += 1;
        value
    }

    fn make_room(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().map(|(count, _)| *count).collect();
        let middle = counts.len() / 2;
        let (_, median, _) = counts.select_nth_unstable(middle);
        let median = *median;
        self.subtracted += median;
        self.counts.retain(|_, (count, _)| {
            *count = count.saturating_sub(median);
            *count > 0
        });
    }

    /// Returns by how much a count may be too low.
    pub(crate) fn error(&self) -> u64 {
        self.subtracted
    }

    /// Returns the most frequent keys, the most frequent first.
    pub(crate) fn top(&self, number: usize) -> Vec<(&K, u64, &V)> {
        let mut all: Vec<_> = self.counts.iter().map(|(key, (count, value))| (key, *count, value)).collect();
        all.sort_by_cached_key(|(key, count, _)| (Reverse(*count), format!("{key:?}")));
        all.truncate(number);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_keys_outlast_a_flood_of_others() {
        let mut counts = Frequent { max: 100, ..Frequent::default() };
        for number in 0..10_000_u32 {
            counts.count(&number, || ());
            if number % 10 == 0 {
                counts.count(&1_000_000, || ());
            }
        }
        let top = counts.top(1);
        let (key, count, ()) = top[0];
        assert_eq!(*key, 1_000_000);
        assert!(count <= 1000 && count + counts.error() >= 1000, "{count} and {}", counts.error());
        assert!(counts.error() <= 11_000 / 50 && counts.counts.len() <= 100);
    }

    #[test]
    fn few_keys_are_counted_exactly() {
        let mut counts = Frequent::default();
        "bbacab".chars().for_each(|key| *counts.count(&key, || 0) += 2);
        assert_eq!(counts.top(2), [(&'b', 3, &6), (&'a', 2, &4)]);
        assert_eq!(counts.error(), 0);
    }
}
