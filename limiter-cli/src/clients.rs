//! Values of clients in bounded memory.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{DefaultHasher, Hash, Hasher},
};

use foldhash::fast::RandomState;
use limiter_actix::Key;

/// The most clients that are kept.
const MAX_CLIENTS: usize = 1 << 18;

/// The values of all clients, or of a sample once there are too many.
///
/// When the table is full, it forgets the half of the clients whose hash has one more leading bit set, and takes no
/// more such clients. Each client that is left was there from its first request on, so its value is exact, and the
/// clients are a random sample: the hash knows nothing of what they did. A share p of n clients in a sample has the
/// standard error sqrt(p (1 - p) / n). The hash is the same in each run, so that the sample is, too.
pub(crate) struct Clients<V> {
    values: HashMap<Key, V, RandomState>,
    max: usize,
    /// The clients kept are those whose hash begins with this many zero bits.
    zeros: u32,
}

impl<V> Default for Clients<V> {
    fn default() -> Self {
        Self::with_max(MAX_CLIENTS)
    }
}

impl<V> Clients<V> {
    fn with_max(max: usize) -> Self {
        Self { values: HashMap::default(), max, zeros: 0 }
    }

    /// Returns the value of a client, or `None` if it is not in the sample.
    pub(crate) fn value_of(&mut self, key: &Key, new: impl FnOnce() -> V) -> Option<&mut V> {
        if self.zeros > 0 && zeros(key) < self.zeros {
            return None;
        }
        if self.values.len() >= self.max && !self.values.contains_key(key) {
            self.forget_half();
            if zeros(key) < self.zeros {
                return None;
            }
        }
        match self.values.entry(key.clone()) {
            Entry::Occupied(entry) => Some(entry.into_mut()),
            Entry::Vacant(entry) => Some(entry.insert(new())),
        }
    }

    fn forget_half(&mut self) {
        while self.values.len() >= self.max && self.zeros < u64::BITS {
            self.zeros += 1;
            let least = self.zeros;
            self.values.retain(|key, _| zeros(key) >= least);
        }
    }

    /// Returns whether all clients are in the table.
    pub(crate) fn is_exact(&self) -> bool {
        self.zeros == 0
    }

    /// Returns the number of clients in the table.
    pub(crate) fn len(&self) -> u64 {
        self.values.len() as u64
    }

    /// Returns the number of all clients, estimated if not all are in the table.
    pub(crate) fn total(&self) -> u64 {
        self.len() << self.zeros.min(32)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.values.values()
    }
}

/// Returns the number of leading zero bits of the hash of a client.
fn zeros(key: &Key) -> u32 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish().leading_zeros()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn key(number: u32) -> Key {
        Key::address(Ipv4Addr::from(number).into(), 64)
    }

    #[test]
    fn few_clients_are_all_kept() {
        let mut clients = Clients::with_max(1000);
        for number in (0..1000).chain(0..1000) {
            *clients.value_of(&key(number), || 0).expect("all fit") += 1;
        }
        assert!(clients.is_exact() && clients.values().all(|count| *count == 2));
        assert_eq!((clients.len(), clients.total()), (1000, 1000));
    }

    #[test]
    fn many_clients_are_a_sample_with_exact_values() {
        let mut clients = Clients::with_max(4096);
        for number in (0..100_000).chain(0..100_000) {
            // One in ten comes thrice in each round.
            for _ in 0..if number % 10 == 0 { 3 } else { 1 } {
                if let Some(count) = clients.value_of(&key(number), || 0) {
                    *count += 1;
                }
            }
        }
        assert!(!clients.is_exact() && clients.len() <= 4096 && clients.len() > 1500);
        assert!(clients.values().all(|count| [2, 6].contains(count)));
        // Five standard errors of a sample of some 3000 are three in a hundred.
        let per_thousand =
            clients.values().filter(|count| **count == 6).count() as u64 * 1000 / clients.len();
        assert!(per_thousand.abs_diff(100) < 30, "{per_thousand}");
        assert!(clients.total().abs_diff(100_000) < 10_000, "{}", clients.total());
    }
}
