//! The reservations of limits with `deduct_when`, and of metered limits, that are under way in this process.
//!
//! Such a limit is charged when the request arrives, and may be refunded later. Until then, it may refuse other
//! requests although all of them cost nothing in the end.

use std::{
    collections::{HashMap, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    sync::Arc,
};

use limiter_core::Timestamp;
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::count_id::CountId;

/// The reservations under way, by their counts.
pub(crate) struct Reservations {
    shards: [Mutex<HashMap<CountId, UnderWay>>; SHARDS],
    hasher: RandomState,
}

const SHARDS: usize = 16;

/// The number of counts in each shard. The reservations of further ones are not known.
const MAX_COUNTS: usize = 4096;

/// The requests under way that a count knows.
#[derive(Default)]
struct UnderWay {
    /// The number of requests that are being decided.
    undecided: usize,
    reserved: SmallVec<[ReservedAmount; 1]>,
    /// The number of the next reservation.
    next: u64,
}

struct ReservedAmount {
    number: u64,
    amount: u64,
    /// The time from which on a refund would free nothing.
    until: Timestamp,
}

/// The reservation of a request. It ends when it is dropped.
pub(crate) struct Reservation {
    reservations: Arc<Reservations>,
    count: CountId,
    number: u64,
}

/// A request that is being decided. The decision is made, or given up, when it is dropped.
pub(crate) struct Deciding {
    reservations: Arc<Reservations>,
    counts: SmallVec<[CountId; 1]>,
}

impl Reservations {
    pub(crate) fn new() -> Self {
        Self { shards: Default::default(), hasher: RandomState::new() }
    }

    /// Begins the decision of a request under these counts.
    pub(crate) fn begin(self: &Arc<Self>, counts: impl Iterator<Item = CountId>) -> Deciding {
        let counts: SmallVec<[CountId; 1]> =
            counts.filter(|count| self.change(count, |it| it.undecided += 1).is_some()).collect();
        Deciding { reservations: Arc::clone(self), counts }
    }

    /// Adds a reservation. Returns `None` if there are too many.
    pub(crate) fn add(
        self: &Arc<Self>,
        count: CountId,
        amount: u64,
        until: Timestamp,
    ) -> Option<Reservation> {
        let number = self.change(&count, |it| it.reserve(amount, until))?;
        Some(Reservation { reservations: Arc::clone(self), count, number })
    }

    /// Returns the amount that refunds may free in a count.
    pub(crate) fn amount(&self, count: &CountId, now: Timestamp) -> u64 {
        let shard = self.shard(count).lock();
        let reserved = shard.get(count).map_or(&[][..], |it| &it.reserved);
        let current = reserved.iter().filter(|it| it.until > now);
        current.fold(0, |sum, it| sum.saturating_add(it.amount))
    }

    /// Moves the end of the reservations that have not ended: that of an elastic window moves with each hit.
    pub(crate) fn extend(&self, count: &CountId, now: Timestamp, until: Timestamp) {
        if let Some(known) = self.shard(count).lock().get_mut(count) {
            known.reserved.iter_mut().filter(|it| it.until > now).for_each(|it| it.until = until);
        }
    }

    fn shard(&self, count: &CountId) -> &Mutex<HashMap<CountId, UnderWay>> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let number = self.hasher.hash_one(count) as usize % SHARDS;
        &self.shards[number]
    }

    /// Changes a count, which is removed once nothing is under way. Returns `None` if it would be one too many.
    fn change<T>(&self, count: &CountId, change: impl FnOnce(&mut UnderWay) -> T) -> Option<T> {
        let mut shard = self.shard(count).lock();
        if let Some(known) = shard.get_mut(count) {
            let changed = change(known);
            if known.undecided == 0 && known.reserved.is_empty() {
                shard.remove(count);
            }
            return Some(changed);
        }
        if shard.len() >= MAX_COUNTS {
            return None;
        }
        Some(change(shard.entry(count.clone()).or_default()))
    }
}

impl UnderWay {
    /// Adds a reservation. Returns its number.
    fn reserve(&mut self, amount: u64, until: Timestamp) -> u64 {
        let number = self.next;
        self.next += 1;
        self.reserved.push(ReservedAmount { number, amount, until });
        number
    }
}

impl Deciding {
    /// Returns whether other requests are being decided in any of its counts.
    pub(crate) fn has_company(&self) -> bool {
        let undecided = |count| self.reservations.shard(count).lock().get(count).map(|it| it.undecided);
        self.counts.iter().any(|count| undecided(count) > Some(1))
    }
}

impl fmt::Debug for Reservations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservations").finish_non_exhaustive()
    }
}

impl Drop for Deciding {
    fn drop(&mut self) {
        for count in &self.counts {
            self.reservations.change(count, |it| it.undecided = it.undecided.saturating_sub(1));
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.reservations.change(&self.count, |it| {
            it.reserved.retain(|reserved| reserved.number != self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use limiter_core::{Key, Policy, Quota, Scope, Strategy, storage::Hit};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const LATER: Timestamp = Timestamp::from_millis(2_000_000);

    fn count(client: &str) -> CountId {
        let policy = Policy::new(Quota::per_day(5), Strategy::FixedWindow);
        CountId::of(&Hit::new(&Scope::new(["a"]), &Key::text("k", client), &policy))
    }

    fn len(reservations: &Reservations) -> usize {
        reservations.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    #[test]
    fn reservations_end_when_dropped_or_with_their_window() {
        let reservations = Arc::new(Reservations::new());
        let one = reservations.add(count("c1"), 2, LATER).expect("room");
        let other = reservations.add(count("c1"), 3, NOW).expect("room");
        assert_eq!(reservations.amount(&count("c1"), Timestamp::from_millis(1)), 5);
        assert_eq!(reservations.amount(&count("c1"), NOW), 2, "the window of the other is over");
        assert_eq!(reservations.amount(&count("c2"), NOW), 0);
        drop(one);
        assert_eq!(reservations.amount(&count("c1"), Timestamp::from_millis(1)), 3);
        drop(other);
        assert_eq!(len(&reservations), 0);
    }

    /// The defect: one whose end had moved never ended.
    #[test]
    fn a_reservation_whose_end_has_moved_ends_too() {
        let reservations = Arc::new(Reservations::new());
        let one = reservations.add(count("c1"), 1, LATER).expect("room");
        reservations.extend(&count("c1"), NOW, Timestamp::from_millis(3_000_000));
        drop(one);
        assert_eq!((reservations.amount(&count("c1"), NOW), len(&reservations)), (0, 0));
    }

    #[test]
    fn a_decision_knows_its_company() {
        let reservations = Arc::new(Reservations::new());
        let deciding = reservations.begin([count("c1")].into_iter());
        assert!(!deciding.has_company());
        let other = reservations.begin([count("c1"), count("c2")].into_iter());
        assert!(deciding.has_company());
        let reserved = reservations.add(count("c1"), 1, LATER);
        drop(other);
        assert!(!deciding.has_company(), "it has its decision");
        drop((reserved, deciding));
        assert_eq!(len(&reservations), 0);
    }

    #[test]
    fn counts_are_bounded() {
        let reservations = Arc::new(Reservations::new());
        let clients = (0..2 * SHARDS * MAX_COUNTS).map(|client| count(&client.to_string()));
        let kept: Vec<_> = clients.map(|count| reservations.add(count, 1, LATER)).collect();
        assert_eq!(len(&reservations), SHARDS * MAX_COUNTS);
        assert_eq!(kept.iter().flatten().count(), SHARDS * MAX_COUNTS);
        drop(kept);
        assert_eq!(len(&reservations), 0);
    }
}
