use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::{account::Account, pool::UnusedUnits};
use crate::{
    Key, Leases, Scope, Timestamp, Window,
    storage::{Hit, Refund, decision::Windows, owned_hit::OwnedHit},
};

/// A set-associative table of the counts that may be leased.
///
/// A seeded hash of the limit and client selects a set of few places. A new count replaces the idle one of its set that
/// was used least recently. Counts of clients that come and go therefore do not displace hot ones.
#[derive(Default)]
pub(super) struct LeaseTable {
    /// Allocated at the first count.
    sets: OnceLock<Box<[Mutex<LeaseSet>]>>,
    /// The number of entries made so far. It distinguishes an entry from a later one of the same count.
    made: AtomicU64,
}

type LeaseSet = SmallVec<[LeaseEntry; PLACES]>;

/// The number of places in a set.
const PLACES: usize = 4;

/// The number of sets, a power of two.
const SETS: usize = 512;

struct LeaseEntry {
    digest: u128,
    number: u64,
    /// The time of the last request, in nanoseconds.
    seen: u64,
    /// The count, once it was leased.
    hit: Option<OwnedHit>,
    account: Account,
}

/// A call for a lease.
pub(super) struct Order {
    digest: u128,
    number: u64,
    pub(super) hit: OwnedHit,
    pub(super) units: u64,
    pub(super) called_at: Timestamp,
    leases: Leases,
}

/// Units to refund, and the count that they were taken from.
pub(super) struct Return {
    pub(super) hit: OwnedHit,
    pub(super) stamp: u64,
}

/// The digests of the hits of a batch.
pub(super) type Digests = SmallVec<[u128; 6]>;

impl LeaseTable {
    /// Takes all hits from leases. Returns their reports, or `None` and takes nothing.
    pub(super) fn take(&self, hits: &[Hit<'_>], digests: &[u128], now: Timestamp) -> Option<Windows> {
        let now = now.as_nanos();
        let mut windows = Windows::new();
        for (hit, digest) in hits.iter().zip(digests) {
            let taken = self.with(*digest, |entry| {
                entry.seen = now;
                entry.account.take(hit.cost, hit.policy.amount(), now)
            });
            let Some(window) = taken.flatten() else {
                self.put_back(hits, digests, &windows);
                let others = windows.len() + 1..;
                self.note_demand(&hits[others.clone()], &digests[others], now);
                return None;
            };
            windows.push(window);
        }
        Some(windows)
    }

    /// Puts back the units of the first hits, those that have a window.
    fn put_back(&self, hits: &[Hit<'_>], digests: &[u128], windows: &[Window]) {
        for ((hit, digest), window) in hits.iter().zip(digests).zip(windows) {
            let _ = self.with(*digest, |entry| entry.account.put_back(hit.cost, window.stamp));
        }
    }

    fn note_demand(&self, hits: &[Hit<'_>], digests: &[u128], now: u64) {
        for (hit, digest) in hits.iter().zip(digests) {
            let _ = self.with(*digest, |entry| entry.account.note_demand(hit.cost, now));
        }
    }

    /// Takes note of a batch that the storage has admitted. Returns the units of counts that had to make room.
    pub(super) fn note_admitted(
        &self,
        hits: &[Hit<'_>],
        digests: &[u128],
        windows: &[Window],
        called_at: Timestamp,
    ) -> Vec<Return> {
        let mut returns = Vec::new();
        let called_at = called_at.as_nanos();
        for ((hit, digest), window) in hits.iter().zip(digests).zip(windows) {
            // A shadow limit may refuse although the batch is admitted.
            if !window.is_allowed() {
                returns.extend(self.note_refused(*digest, window, called_at));
                continue;
            }
            self.with_new(*digest, called_at, &mut returns, |entry| {
                entry.account.note_admitted(hit.cost, window, called_at);
            });
        }
        returns
    }

    /// Takes note of a refusal of the count. Returns its units.
    pub(super) fn note_refused(&self, digest: u128, window: &Window, called_at: u64) -> Option<Return> {
        self.with(digest, |entry| {
            let unused = entry.account.note_refused(window, called_at);
            unused.and_then(|unused| entry.to_return(unused))
        })?
    }

    /// Begins a call for a lease if one is needed.
    pub(super) fn begin_lease(&self, hit: &Hit<'_>, digest: u128, now: Timestamp) -> Option<Order> {
        let leases = hit.policy.leases()?;
        self.with(digest, |entry| {
            let units = entry.account.begin_lease(leases, hit.cost, now.as_nanos())?;
            let count =
                entry.hit.get_or_insert_with(|| OwnedHit::from(&Hit::new(hit.scope, hit.key, hit.policy)));
            let hit = count.clone().with_cost(units);
            Some(Order { digest, number: entry.number, hit, units, called_at: now, leases })
        })?
    }

    /// Ends a call for a lease with its report, or without one if it failed. Returns units that cannot be used.
    pub(super) fn end_lease(&self, order: &Order, window: Option<&Window>) -> Option<Return> {
        let Order { digest, number, ref hit, units, called_at, leases } = *order;
        let called_at = called_at.as_nanos();
        let mut is_known = false;
        let useless = self.with(digest, |entry| {
            is_known = entry.number == number;
            match window {
                _ if !is_known => None,
                Some(window) => entry.account.end_lease(units, window, called_at, leases),
                None => {
                    entry.account.end_failed_lease(called_at);
                    None
                }
            }
        });
        // A count that was cleared meanwhile has no use for its units. The window of a calendar period is the same after the
        // clear, so a refund would reduce the new count.
        let can_return = hit.policy().calendar().is_none();
        let is_lost = !is_known && can_return && window.is_some_and(Window::is_allowed);
        let lost = is_lost.then_some(UnusedUnits { units, stamp: window.map_or(0, |window| window.stamp) });
        let UnusedUnits { units, stamp } = useless.flatten().or(lost)?;
        Some(Return { hit: hit.clone().with_cost(units), stamp })
    }

    /// Removes the units whose lease has ended, and returns them.
    pub(super) fn expire(&self, now: Timestamp) -> Vec<Return> {
        self.collect(|entry| entry.account.expire(now.as_nanos()))
    }

    /// Returns whether there are units, or calls for some.
    pub(super) fn is_busy(&self) -> bool {
        let mut sets = self.sets.get().into_iter().flatten();
        sets.any(|set| set.lock().iter().any(|entry| entry.account.is_busy()))
    }

    /// Removes all units and returns them.
    pub(super) fn drain(&self) -> Vec<Return> {
        self.collect(|entry| entry.account.drain())
    }

    /// Forgets some counts and their units.
    pub(super) fn forget(&self, digests: impl IntoIterator<Item = u128>) {
        for digest in digests {
            if let Some(set) = self.set(digest) {
                set.lock().retain(|entry| entry.digest != digest);
            }
        }
    }

    /// Forgets the counts of a client in scopes inside `within`, and their units.
    ///
    /// Counts that were never leased go too: their clients are unknown, and nothing is lost with them.
    pub(super) fn forget_client(&self, client: &Key, within: &Scope) {
        let is_other = |hit: &Hit<'_>| hit.key != client || !hit.scope.is_inside(within);
        for set in self.sets.get().into_iter().flatten() {
            set.lock().retain(|entry| entry.hit.as_ref().is_some_and(|hit| is_other(&hit.as_hit())));
        }
    }

    /// Forgets all counts and their units.
    pub(super) fn forget_all(&self) {
        for set in self.sets.get().into_iter().flatten() {
            set.lock().clear();
        }
    }

    fn collect(&self, mut unused: impl FnMut(&mut LeaseEntry) -> Option<UnusedUnits>) -> Vec<Return> {
        let mut returns = Vec::new();
        for set in self.sets.get().into_iter().flatten() {
            for entry in set.lock().iter_mut() {
                returns.extend(unused(entry).and_then(|unused| entry.to_return(unused)));
            }
        }
        returns
    }

    /// Calls `work` with the entry of a count, if there is one.
    fn with<T>(&self, digest: u128, work: impl FnOnce(&mut LeaseEntry) -> T) -> Option<T> {
        let mut set = self.set(digest)?.lock();
        set.iter_mut().find(|entry| entry.digest == digest).map(work)
    }

    /// Calls `work` with the entry of a count, which is made if there is none.
    fn with_new(
        &self,
        digest: u128,
        now: u64,
        returns: &mut Vec<Return>,
        work: impl FnOnce(&mut LeaseEntry),
    ) {
        let sets = self.sets.get_or_init(|| (0..SETS).map(|_| Mutex::default()).collect());
        let mut set = sets[place(digest)].lock();
        if let Some(entry) = set.iter_mut().find(|entry| entry.digest == digest) {
            entry.seen = now;
            return work(entry);
        }
        if set.len() == PLACES {
            returns.extend(evict(&mut set));
        }
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        set.push(LeaseEntry { digest, number, seen: now, hit: None, account: Account::default() });
        if let Some(entry) = set.last_mut() {
            work(entry);
        }
    }

    fn set(&self, digest: u128) -> Option<&Mutex<LeaseSet>> {
        Some(&self.sets.get()?[place(digest)])
    }
}

impl Return {
    pub(super) fn as_refund(&self) -> Refund<'_> {
        Refund { hit: self.hit.as_hit(), stamp: self.stamp }
    }
}

impl LeaseEntry {
    fn to_return(&self, unused: UnusedUnits) -> Option<Return> {
        let hit = self.hit.clone()?.with_cost(unused.units);
        Some(Return { hit, stamp: unused.stamp })
    }
}

/// Removes the idle entry that was used least recently, or else the busy one. Returns its units.
fn evict(set: &mut LeaseSet) -> Option<Return> {
    let rank = |(_, entry): &(usize, &LeaseEntry)| (entry.account.is_busy(), entry.seen);
    let (index, _) = set.iter().enumerate().min_by_key(rank)?;
    let mut entry = set.swap_remove(index);
    let unused = entry.account.drain()?;
    entry.to_return(unused)
}

fn place(digest: u128) -> usize {
    // The masked value fits.
    usize::try_from(digest & (SETS as u128 - 1)).unwrap_or(0)
}
