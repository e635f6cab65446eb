/// A hash table of places of entries, with linear probing.
///
/// A lookup usually reads one cache line. A general hash table reads two, since its tags are apart from its values. Here,
/// a tag and a place share a word.
#[derive(Debug, Default)]
pub(super) struct PlaceTable {
    /// Their number is a power of two, or zero.
    words: Box<[u32]>,
    /// The number of words that are not free. A quarter is always free, so lookups end soon.
    used: usize,
}

/// The number of bits of a place, which is stored plus one. More entries in a shard do not fit into memory.
const PLACE: u32 = 22;
const PLACES: u32 = (1 << PLACE) - 1;

const FREE: u32 = 0;

/// A removed place. Lookups go on behind it.
const REMOVED: u32 = 1;

/// The mark of a place. The bits between are of the hash.
const TAKEN: u32 = 1 << 31;

impl PlaceTable {
    /// Returns the place with this hash that `is_it` accepts.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        self.position(hash, is_it).map(|(_, place)| place)
    }

    /// Adds a place, which must not be in the table. `hash_of` returns the hash of any place.
    pub(super) fn insert(&mut self, hash: u64, place: usize, hash_of: impl Fn(usize) -> u64) {
        if self.used >= self.words.len() / 4 * 3 {
            self.grow(hash_of);
        }
        self.add(hash, place);
    }

    /// Removes a place.
    pub(super) fn remove(&mut self, hash: u64, place: usize) {
        if let Some((at, _)) = self.position(hash, |other| other == place) {
            self.words[at] = REMOVED;
        }
    }

    /// Changes a place.
    pub(super) fn replace(&mut self, hash: u64, old: usize, new: usize) {
        if let Some((at, _)) = self.position(hash, |other| other == old) {
            self.words[at] = word(hash, new);
        }
    }

    #[inline]
    fn position(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
        let tag = tag(hash);
        let mut at = first(hash);
        loop {
            at &= self.words.len().wrapping_sub(1);
            let word = *self.words.get(at)?;
            if word >> PLACE == tag && is_it(place(word)) {
                return Some((at, place(word)));
            }
            if word == FREE {
                return None;
            }
            at += 1;
        }
    }

    /// Adds a place to a table with free words.
    fn add(&mut self, hash: u64, place: usize) {
        let last = self.words.len() - 1;
        let mut at = first(hash) & last;
        while self.words[at] >= TAKEN {
            at = (at + 1) & last;
        }
        self.used += usize::from(self.words[at] == FREE);
        self.words[at] = word(hash, place);
    }

    /// Makes a table with more room and without removed places.
    ///
    /// It inserts in the order of the entries. In the order of the hashes, each entry would be a cache miss, and that
    /// decision the slowest of all.
    #[cold]
    fn grow(&mut self, hash_of: impl Fn(usize) -> u64) {
        let mut places = Vec::with_capacity(self.used);
        places.extend(self.words.iter().filter(|word| **word >= TAKEN).map(|word| word & PLACES));
        places.sort_unstable();
        *self = Self { words: vec![FREE; (places.len() * 8 / 5 + 4).next_power_of_two()].into(), used: 0 };
        for place in places.into_iter().map(place) {
            self.add(hash_of(place), place);
        }
    }
}

/// Returns the highest bits of a hash, with the mark of a place.
#[inline]
fn tag(hash: u64) -> u32 {
    (hash >> (32 + PLACE)) as u32 | TAKEN >> PLACE
}

#[expect(clippy::cast_possible_truncation, reason = "the lower bits are wanted")]
#[inline]
fn first(hash: u64) -> usize {
    hash as usize
}

fn word(hash: u64, place: usize) -> u32 {
    let place = u32::try_from(place + 1).ok().filter(|place| place >> PLACE == 0);
    tag(hash) << PLACE | place.expect("a shard has fewer than 2^22 entries")
}

#[inline]
fn place(word: u32) -> usize {
    (word & PLACES) as usize - 1
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// A change of the table, as the entries of a shard make it.
    #[derive(Clone, Debug)]
    enum Change {
        Insert(u64),
        /// The last place takes the removed one's, as in the list of entries.
        Remove(usize),
    }

    /// Hashes that often share their first words and tags.
    fn hash() -> impl Strategy<Value = u64> {
        (0..64_u64, 0..4_u64, any::<bool>())
            .prop_map(|(low, middle, high)| low | middle << 32 | if high { u64::MAX << 60 } else { 0 })
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![3 => hash().prop_map(Change::Insert), 2 => any::<usize>().prop_map(Change::Remove)]
    }

    proptest! {
        #[test]
        fn a_table_finds_what_a_map_finds(changes in proptest::collection::vec(change(), 0..400)) {
            let (mut table, mut hashes) = (PlaceTable::default(), Vec::new());
            for change in changes {
                match change {
                    Change::Insert(hash) if hashes.contains(&hash) => {}
                    Change::Insert(hash) => {
                        hashes.push(hash);
                        table.insert(hash, hashes.len() - 1, |place| hashes[place]);
                    }
                    Change::Remove(_) if hashes.is_empty() => {}
                    Change::Remove(place) => {
                        let (place, last) = (place % hashes.len(), hashes.len() - 1);
                        table.remove(hashes[place], place);
                        if place != last {
                            table.replace(hashes[last], last, place);
                        }
                        hashes.swap_remove(place);
                    }
                }
                let places: HashMap<_, _> = hashes.iter().zip(0..).collect();
                for low in 0..64 {
                    let found = table.find(low, |place| hashes[place] == low);
                    prop_assert_eq!(found, places.get(&low).copied());
                }
                for (hash, place) in hashes.iter().zip(0..) {
                    prop_assert_eq!(table.find(*hash, |other| hashes[other] == *hash), Some(place));
                }
            }
        }
    }

    #[test]
    fn places_that_come_and_go_take_no_more_room() {
        let mut table = PlaceTable::default();
        let hash = |place: usize| (place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (0..1000).for_each(|place| table.insert(hash(place), place, hash));
        for place in 1000..100_000 {
            table.remove(hash(place - 1000), place - 1000);
            table.insert(hash(place), place, hash);
        }
        assert!(table.words.len() <= 4096, "{}", table.words.len());
        assert!(table.words.contains(&FREE));
    }
}
