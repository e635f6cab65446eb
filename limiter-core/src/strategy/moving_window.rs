use std::collections::VecDeque;

use crate::{
    Policy, Window,
    window::{HitOutcome, NEVER},
};

/// The hits of the last window, oldest first.
///
/// Their costs sum up to at most the amount in any half-open (now - window, now].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MovingWindow {
    hits: VecDeque<HitRecord>,
    /// The sum of the costs in `hits`, including those that have left the window since the last hit.
    used: u64,
    /// The instant at which the newest of them leaves the window.
    pub(super) expires: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HitRecord {
    at: u64,
    cost: u64,
}

/// The number of hits that a new log has room for. A full log doubles, up to the amount.
const INITIAL_ROOM: usize = 16;

impl MovingWindow {
    pub(super) fn new(policy: &Policy) -> Self {
        let room = usize::try_from(policy.amount()).unwrap_or(INITIAL_ROOM).min(INITIAL_ROOM);
        Self { hits: VecDeque::with_capacity(room), used: 0, expires: 0 }
    }

    /// Adds a hit that has passed, later than all others.
    #[cfg(feature = "mongodb")]
    pub(super) fn push(&mut self, policy: &Policy, at: u64, cost: u64) {
        self.hits.push_back(HitRecord { at, cost });
        self.used += cost;
        self.expires = at.saturating_add(policy.window());
    }

    /// Returns the hits, each with its cost, for a file.
    pub(super) fn log(&self) -> Vec<[u64; 2]> {
        self.hits.iter().map(|hit| [hit.at, hit.cost]).collect()
    }

    /// Returns the window of hits that [`log`](Self::log) returned, or `None` if they are none.
    pub(super) fn of_log(hits: &[[u64; 2]], expires: u64) -> Option<Self> {
        /// Many times the amount that any storage accepts.
        const MAX_USED: u64 = 1 << 60;
        let used = hits.iter().try_fold(0, |sum: u64, [_, cost]| sum.checked_add(*cost))?;
        let is_sound = used <= MAX_USED
            && hits.iter().all(|[_, cost]| *cost > 0)
            && hits.windows(2).all(|pair| pair[0][0] < pair[1][0]);
        let hits = hits.iter().map(|[at, cost]| HitRecord { at: *at, cost: *cost });
        is_sound.then(|| Self { hits: hits.collect(), used, expires })
    }

    pub(super) fn test(&self, policy: &Policy, cost: u64, now: u64) -> Window {
        let (gone, used) = self.at(policy, now);
        self.report(policy, gone, used, cost, now)
    }

    #[inline]
    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: u64) -> Window {
        let (gone, used) = self.at(policy, now);
        let window = self.report(policy, gone, used, cost, now);
        if !window.is_allowed() {
            return window;
        }
        // A charge fills the window up to the amount.
        let cost = if policy.is_charging() { cost.min(window.remaining) } else { cost };
        if cost == 0 {
            return window;
        }
        self.hits.drain(..gone);
        self.used = used;
        self.add(policy, cost, now);
        Window {
            outcome: HitOutcome::new(true, policy.amount()),
            stamp: now,
            ..self.report(policy, 0, self.used, 0, now)
        }
    }

    /// Adds a cost at `now`, which is not before any other.
    #[inline]
    fn add(&mut self, policy: &Policy, cost: u64, now: u64) {
        match self.hits.back_mut() {
            Some(newest) if newest.at == now => newest.cost += cost,
            _ => self.hits.push_back(HitRecord { at: now, cost }),
        }
        self.used += cost;
        self.expires = now.saturating_add(policy.window());
    }

    /// Moves a hit to `now`, and returns that. `None` if it has left the window, or was refunded.
    pub(super) fn renew(&mut self, policy: &Policy, cost: u64, stamp: u64, now: u64) -> Option<u64> {
        let (gone, _) = self.at(policy, now);
        let index = self.hits.binary_search_by_key(&stamp, |hit| hit.at).ok()?;
        if index < gone || self.hits[index].cost < cost {
            return None;
        }
        self.refund(policy, cost, stamp, now);
        self.add(policy, cost, now);
        Some(now)
    }

    pub(super) fn refund(&mut self, policy: &Policy, cost: u64, stamp: u64, _: u64) {
        let Ok(index) = self.hits.binary_search_by_key(&stamp, |hit| hit.at) else { return };
        let hit = &mut self.hits[index];
        let returned = cost.min(hit.cost);
        hit.cost -= returned;
        self.used -= returned;
        if hit.cost == 0 {
            self.hits.remove(index);
            self.expires = self.hits.back().map_or(0, |hit| leaves(*hit, policy));
        }
    }

    pub(super) fn remaining(&self, policy: &Policy, now: u64) -> u64 {
        policy.amount().saturating_sub(self.at(policy, now).1)
    }

    /// Returns how many of the oldest hits have left the window at `now`, and the cost of the others.
    fn at(&self, policy: &Policy, now: u64) -> (usize, u64) {
        let gone = self.hits.iter().take_while(|hit| leaves(**hit, policy) <= now);
        gone.fold((0, self.used), |(count, used), hit| (count + 1, used - hit.cost))
    }

    fn report(&self, policy: &Policy, gone: usize, used: u64, cost: u64, now: u64) -> Window {
        let limit = policy.amount();
        let remaining = limit.saturating_sub(used);
        let allowed = cost <= remaining || policy.overdraws(cost, remaining);
        let window = Window {
            outcome: HitOutcome::new(allowed, limit),
            remaining,
            reset: self.hits.get(gone).map_or(0, |hit| leaves(*hit, policy) - now),
            retry_after: if allowed {
                NEVER
            } else {
                let needed = policy.needed(cost);
                self.wait(policy, gone, used.saturating_add(needed).saturating_sub(limit), cost, now)
            },
            stamp: if allowed { now } else { used.saturating_sub(limit) },
        };
        window.of_policy(policy)
    }

    /// Returns the time until the oldest hits, which together cost `missing`, have left the window.
    fn wait(&self, policy: &Policy, gone: usize, missing: u64, cost: u64, now: u64) -> u64 {
        if cost > policy.amount() {
            return NEVER;
        }
        let mut freed = 0;
        for hit in self.hits.range(gone..) {
            freed += hit.cost;
            if freed >= missing {
                return leaves(*hit, policy) - now;
            }
        }
        NEVER
    }
}

/// Returns the first instant at which the hit no longer counts.
fn leaves(hit: HitRecord, policy: &Policy) -> u64 {
    hit.at.saturating_add(policy.window())
}
