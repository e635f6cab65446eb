//! Estimated counts of the most frequent keys, in bounded memory.
//!
//! The algorithm is Space-Saving (Metwally, Agrawal and El Abbadi 2005): a key without a counter takes over the least
//! counter, and its count is too high by at most what that had counted. So a count is never too low, and too high by
//! at most the number of events per counter. Here the counters are in sets, as in a set-associative cache: a key
//! belongs to one set, each with a lock of its own, so that an event looks at few counters and threads seldom meet.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use limiter_core::Key;
use parking_lot::Mutex;

use super::TopClient;

/// The number of sets; a power of two.
const SETS: usize = 128;

/// The number of counters in a set.
const WAYS: usize = 16;

/// The longest key that is stored, in bytes. Clients may choose keys as long as a header, and all keys together take at
/// most 16 MB.
const MAX_KEY_LEN: usize = 2048;

/// Counters of keys for the current period and the one before.
pub(super) struct Sketch {
    hasher: RandomState,
    sets: Box<[Mutex<CounterBucket>]>,
}

#[derive(Default)]
struct CounterBucket {
    period: u32,
    current: Half,
    previous: Half,
}

/// The counters of a set for one period. Numbers are apart from keys, since an event compares all of them.
#[derive(Default)]
struct Half {
    /// The upper halves of the hashes of the keys. The lower ones choose the set.
    tags: [u32; WAYS],
    /// 0 if the counter is free.
    counts: [u32; WAYS],
    /// The parts of the counts that other keys may have caused.
    errors: [u32; WAYS],
    /// The counters whose keys are stored, as bits: those with a second event, so that a flood of new keys clones none.
    stored: u32,
    /// Those that are not stored are outdated. Boxed, so that the numbers of all sets fit in the cache.
    keys: Box<[Option<Key>; WAYS]>,
}

/// A counter that is in use.
struct KeyCounter<'a> {
    tag: u32,
    count: u64,
    error: u64,
    key: Option<&'a Key>,
}

impl Sketch {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::default(), sets: (0..SETS).map(|_| Mutex::default()).collect() }
    }

    /// Counts an event of a key.
    #[allow(clippy::cast_possible_truncation, reason = "both halves of the hash are wanted")]
    pub(super) fn count(&self, key: &Key, period: u32) {
        let hash = self.hasher.hash_one(key);
        let mut set = self.sets[hash as usize % SETS].lock();
        if set.period < period {
            set.begin(period);
        }
        set.current.count((hash >> 32) as u32, || storable(key, hash));
    }

    /// Returns all keys that have a counter, with their counts of both periods.
    pub(super) fn clients(&self, period: u32) -> Vec<TopClient> {
        let mut clients = Vec::new();
        for set in &self.sets {
            let mut set = set.lock();
            set.begin(period);
            set.add_clients(&mut clients);
        }
        clients
    }
}

/// Returns a key as it is stored: itself, or a short one in its place that lists show.
fn storable(key: &Key, hash: u64) -> Key {
    if key.text_len() <= MAX_KEY_LEN { key.clone() } else { Key::text("long key", format!("{hash:016x}")) }
}

impl CounterBucket {
    /// Begins a period, if it is a later one. A clock that goes back changes nothing.
    fn begin(&mut self, period: u32) {
        if period <= self.period {
            return;
        }
        let ended = std::mem::take(&mut self.current);
        self.previous = if period == self.period + 1 { ended } else { Half::default() };
        self.period = period;
    }

    fn add_clients(&self, clients: &mut Vec<TopClient>) {
        for counter in self.current.live() {
            let (count, error, key) = match self.previous.find(counter.tag) {
                Some(before) => (before.count, before.error, before.key),
                None => (0, self.previous.least(), None),
            };
            clients.extend(counter.client(key, count, error));
        }
        for counter in self.previous.live().filter(|counter| self.current.find(counter.tag).is_none()) {
            clients.extend(counter.client(None, 0, self.current.least()));
        }
    }
}

impl Half {
    fn count(&mut self, tag: u32, key: impl FnOnce() -> Key) {
        // All are compared, without a branch, which the compiler turns into few vector instructions.
        let mut equal = 0_u32;
        for (at, other) in self.tags.iter().enumerate() {
            equal |= u32::from(*other == tag) << at;
        }
        let at = equal.trailing_zeros() as usize;
        if at >= WAYS || self.counts[at] == 0 {
            return self.take_over(tag);
        }
        self.counts[at] = self.counts[at].saturating_add(1);
        if self.stored & 1 << at == 0 {
            self.stored |= 1 << at;
            self.keys[at] = Some(key());
        }
    }

    /// Gives the least counter to a new key.
    #[allow(clippy::cast_possible_truncation, reason = "a place and a count were packed before")]
    fn take_over(&mut self, tag: u32) {
        let mut least = u64::MAX;
        for (at, count) in self.counts.iter().enumerate() {
            // The place is in the lower bits, so that the least is found without a branch.
            least = least.min(u64::from(*count) << 8 | at as u64);
        }
        let (at, count) = (least as usize % WAYS, (least >> 8) as u32);
        self.tags[at] = tag;
        self.errors[at] = count;
        self.counts[at] = count.saturating_add(1);
        self.stored &= !(1 << at);
    }

    /// Returns the counters in use.
    fn live(&self) -> impl Iterator<Item = KeyCounter<'_>> {
        let counter = |at: usize| KeyCounter {
            tag: self.tags[at],
            count: self.counts[at].into(),
            error: self.errors[at].into(),
            key: self.keys[at].as_ref().filter(|_| self.stored & 1 << at != 0),
        };
        (0..WAYS).map(counter).filter(|counter| counter.count > 0)
    }

    fn find(&self, tag: u32) -> Option<KeyCounter<'_>> {
        self.live().find(|counter| counter.tag == tag)
    }

    /// Returns the least count, which no key without a counter exceeds.
    fn least(&self) -> u64 {
        self.counts.iter().copied().min().unwrap_or(0).into()
    }
}

impl KeyCounter<'_> {
    /// Returns the client, with the key, the count and the error of its other period added. Returns `None` if the key
    /// is unknown, since it came once at most.
    fn client(&self, key: Option<&Key>, count: u64, error: u64) -> Option<TopClient> {
        let key = self.key.or(key)?.clone();
        Some(TopClient { key, count: self.count + count, error: self.error + error })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn key(number: u64) -> Key {
        Key::text("user", number.to_string())
    }

    /// Counts events of which few keys cause most: key n causes one for each multiple of n.
    fn skewed(sketch: &Sketch, period: u32, truth: &mut HashMap<Key, u64>) -> u64 {
        let (mut events, mut state) = (0, 1_u64);
        for _ in 0..200_000 {
            // A linear congruential generator (Knuth's MMIX) is random enough here.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let uniform = (state >> 33) % 1_000_000 + 1;
            let key = key(1_000_000 / uniform);
            sketch.count(&key, period);
            *truth.entry(key).or_default() += 1;
            events += 1;
        }
        events
    }

    #[test]
    fn errors_are_as_stated_and_the_busiest_are_found() {
        let (sketch, mut truth) = (Sketch::new(), HashMap::new());
        let events = skewed(&sketch, 7, &mut truth) + skewed(&sketch, 8, &mut truth);
        let clients = sketch.clients(8);
        assert!(clients.len() <= 2 * SETS * WAYS);
        for TopClient { key, count, error } in &clients {
            let truth = truth.get(key).copied().unwrap_or(0);
            assert!(truth.abs_diff(*count) <= *error, "{key:?}: {truth} is not {count} +- {error}");
        }
        let mut busiest: Vec<_> = truth.iter().collect();
        busiest.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (key, count) in busiest.into_iter().take(20) {
            let found = clients.iter().find(|client| client.key == *key);
            let found = found.unwrap_or_else(|| panic!("{key:?} with {count} of {events} is missing"));
            assert!(found.error <= events / (SETS * WAYS) as u64 * 4, "{found:?}");
        }
    }

    #[test]
    fn counts_are_of_this_period_and_the_one_before() {
        let sketch = Sketch::new();
        let count = |period| sketch.clients(period).first().map(|client| (client.count, client.error));
        for period in [3, 3, 4] {
            sketch.count(&key(1), period);
        }
        assert_eq!(count(4), Some((3, 0)));
        sketch.count(&key(1), 3);
        assert_eq!(count(4), Some((4, 0)), "a clock that goes back");
        assert_eq!(count(5), Some((2, 0)));
        assert_eq!(count(6), None);
        assert_eq!(count(9), None);
    }

    /// The defect: each key that came twice was stored, however long, so that a flood of them took a gigabyte.
    #[test]
    fn long_keys_are_listed_as_short_ones() {
        let sketch = Sketch::new();
        let long = |number: u8| Key::text("header x-api-key", format!("{number}{}", "x".repeat(100_000)));
        for number in [1, 1, 2, 2, 2] {
            sketch.count(&long(number), 1);
        }
        let mut counts: Vec<_> = sketch.clients(1).iter().map(|client| client.count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [2, 3], "each is a client of its own");
        assert!(sketch.clients(1).iter().all(|client| client.key.text_len() < 100));
    }

    /// A flood of keys that each come once leaves no key behind, and no busy client unseen.
    #[test]
    fn a_flood_of_new_keys_hides_no_busy_client() {
        let sketch = Sketch::new();
        for number in 0..300_000 {
            sketch.count(&key(number), 1);
            if number % 100 == 0 {
                sketch.count(&Key::from("busy"), 1);
            }
        }
        let clients = sketch.clients(1);
        let busiest = clients.iter().max_by_key(|client| client.count - client.error.min(client.count));
        assert_eq!(busiest.map(|client| &client.key), Some(&Key::from("busy")));
    }
}
