use std::cmp::Ordering;

use crate::{Policy, Strategy, Timestamp, Window, storage::Hit, window::NEVER};

/// How one limit stood for one client.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    digest: u128,
    /// In nanoseconds, before the storage was asked: it decided later, so what it told holds longer than this is kept.
    asked_at: u64,
    /// The first instant at which it is no longer known how the limit stands.
    until: u64,
    cost: u64,
    window: Window,
}

/// The longest that anything is remembered, in nanoseconds.
const LONGEST: u64 = 5_000_000_000;

impl Entry {
    /// None when it may change at any time.
    pub(super) fn new(digest: u128, hit: &Hit<'_>, window: &Window, asked_at: Timestamp) -> Option<Self> {
        let is_elastic = hit.policy.strategy() == Strategy::FixedWindowElasticExpiry;
        if !window.is_allowed() && (is_elastic || hit.reserved) {
            return None;
        }
        let asked_at = asked_at.as_nanos();
        let changes = next_change(hit.policy, window).unwrap_or(LONGEST);
        // One that never passes never will.
        let until = asked_at.saturating_add(LONGEST.min(changes).min(window.retry_after));
        Some(Self { digest, asked_at, until, cost: hit.cost, window: *window })
    }

    pub(super) fn is_of(&self, digest: u128) -> bool {
        self.digest == digest
    }

    /// How the limit stands for this hit; none when that is not known.
    pub(super) fn window(&self, hit: &Hit<'_>, now: Timestamp) -> Option<Window> {
        let now = now.as_nanos();
        // A clock that went back tells nothing.
        if !(self.asked_at..self.until).contains(&now) {
            return None;
        }
        let mut window = self.at_cost(hit)?;
        let elapsed = now - self.asked_at;
        window.reset = window.reset.saturating_sub(elapsed);
        if window.retry_after != NEVER {
            window.retry_after = window.retry_after.saturating_sub(elapsed);
        }
        Some(window)
    }

    /// What was refused at some cost is refused at a greater one, but mostly for longer; that is not always known.
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

    /// What is over first, or is only shown, has the lowest rank.
    pub(super) fn rank(&self, now: Timestamp) -> (bool, u64) {
        (!self.window.is_allowed() && self.until > now.as_nanos(), self.until)
    }
}

/// The time until more is left of it, if nobody hits; none when nothing is used.
fn next_change(policy: &Policy, window: &Window) -> Option<u64> {
    if policy.strategy() != Strategy::TokenBucket {
        return (window.reset > 0).then_some(window.reset);
    }
    let missing = policy.capacity().checked_sub(window.remaining).filter(|missing| *missing > 0)?;
    // It is full when the last of the missing units has come.
    Some(window.reset.saturating_sub((missing - 1).saturating_mul(policy.interval())))
}
