use std::cmp::Ordering;

use crate::{Policy, Strategy, Timestamp, Window, storage::Hit, window::NEVER};

/// The window of one limit for one client at its last refusal.
#[derive(Clone, Debug)]
pub(super) struct WindowEntry {
    digest: u128,
    /// The instant before the call to the storage, in nanoseconds. The storage decided later, so its waits end after
    /// those counted from here.
    queried_at: u64,
    /// The instant at which the entry expires, in nanoseconds.
    until: u64,
    cost: u64,
    window: Window,
}

/// The maximum lifetime of an entry, in nanoseconds. Until its end, other processes do not notice that a count is cleared.
const MAX_LIFETIME: u64 = 2_000_000_000;

impl WindowEntry {
    /// Creates an entry, or returns `None` if the window may change at any time.
    pub(super) fn new(digest: u128, hit: &Hit<'_>, window: &Window, queried_at: Timestamp) -> Option<Self> {
        let is_elastic = hit.policy.strategy() == Strategy::FixedWindowElasticExpiry;
        if !window.is_allowed() && (is_elastic || hit.reserved || hit.policy.is_metered()) {
            return None;
        }
        let queried_at = queried_at.as_nanos();
        let changes = next_change(hit.policy, window).unwrap_or(MAX_LIFETIME);
        // A hit that never passes has no wait, and stays refused.
        let until = queried_at.saturating_add(MAX_LIFETIME.min(changes).min(window.retry_after));
        Some(Self { digest, queried_at, until, cost: hit.cost, window: *window })
    }

    pub(super) fn is_of(&self, digest: u128) -> bool {
        self.digest == digest
    }

    /// Returns the window of this hit, or `None` if the entry does not determine it.
    pub(super) fn window(&self, hit: &Hit<'_>, now: Timestamp) -> Option<Window> {
        // The count may be that of a policy with another amount.
        if self.window.limit() != hit.policy.amount() {
            return None;
        }
        let now = now.as_nanos();
        // A clock may go back to a time before the call.
        if !(self.queried_at..self.until).contains(&now) {
            return None;
        }
        let mut window = self.at_cost(hit)?;
        let elapsed = now - self.queried_at;
        window.reset = window.reset.saturating_sub(elapsed);
        if window.retry_after != NEVER {
            window.retry_after = window.retry_after.saturating_sub(elapsed);
        }
        Some(window)
    }

    /// Returns the window at the cost of the hit.
    ///
    /// A greater cost than the refused one is refused as well, usually for longer. Some strategies cannot compute
    /// from the window how much longer.
    fn at_cost(&self, hit: &Hit<'_>) -> Option<Window> {
        let mut window = self.window;
        let longer = match hit.cost.cmp(&self.cost) {
            Ordering::Less => return None,
            Ordering::Equal => return Some(window),
            Ordering::Greater if window.is_allowed() => return None,
            Ordering::Greater => hit.cost - self.cost,
        };
        let wait = match hit.policy.strategy() {
            _ if hit.cost > hit.policy.capacity() => NEVER,
            Strategy::FixedWindow => window.retry_after,
            Strategy::TokenBucket => {
                window.retry_after.saturating_add(longer.saturating_mul(hit.policy.interval()))
            }
            _ => return None,
        };
        window.retry_after = wait;
        Some(window)
    }

    /// Returns the rank for replacement: entries that do not refuse first, then those that end first.
    pub(super) fn rank(&self, now: Timestamp) -> (bool, u64) {
        (!self.window.is_allowed() && self.until > now.as_nanos(), self.until)
    }
}

/// Returns the time until more quota is left without further hits, or `None` if nothing is used.
fn next_change(policy: &Policy, window: &Window) -> Option<u64> {
    if policy.strategy() != Strategy::TokenBucket {
        return (window.reset > 0).then_some(window.reset);
    }
    let missing = policy.capacity().checked_sub(window.remaining).filter(|missing| *missing > 0)?;
    // `reset` is the time until the last of the missing units.
    Some(window.reset.saturating_sub((missing - 1).saturating_mul(policy.interval())))
}
