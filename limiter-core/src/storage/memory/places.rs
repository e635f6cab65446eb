use super::place_table::PlaceTable;

/// Finds the places of entries by their hashes.
///
/// It is several tables, each for a part of the hashes. A table that grows moves all of its places, so it must be small.
/// Locks and layouts, however, should be few, so that they stay in the cache of the processor.
#[derive(Debug, Default)]
pub(super) struct Places([PlaceTable; TABLES]);

/// The number of tables. A power of two.
const TABLES: usize = 8;

/// The number of keys for which the tables are made. A table then has 2900 on average, and grows at 3072, which few
/// reach by chance.
pub(super) const KEYS: usize = 2900 * TABLES;

impl Places {
    /// Returns the place with this hash that `is_it` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        self.0[table(hash)].find(hash, is_it)
    }

    /// Adds a place, which must not be there yet. `hash_of` returns the hash of any place.
    pub(super) fn insert(&mut self, hash: u64, place: usize, hash_of: impl Fn(usize) -> u64) {
        self.0[table(hash)].insert(hash, place, hash_of);
    }

    /// Removes a place.
    pub(super) fn remove(&mut self, hash: u64, place: usize) {
        self.0[table(hash)].remove(hash, place);
    }

    /// Changes a place.
    pub(super) fn replace(&mut self, hash: u64, old: usize, new: usize) {
        self.0[table(hash)].replace(hash, old, new);
    }
}

/// Returns the table of a hash. A table uses the lowest and the highest bits itself.
#[inline]
fn table(hash: u64) -> usize {
    (hash >> 32) as usize % TABLES
}
