use crate::{
    Policy, Window,
    window::{HitOutcome, NEVER},
};

/// Two counters over windows aligned to the Unix epoch.
///
/// The count is the current counter plus the share of the previous one that is still in view, rounded down:
/// `current + floor(previous * left / window)`. Cloudflare described this approximation of a sliding window log in
/// 2017.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SlidingWindow {
    /// The start of the current window.
    pub(super) start: u64,
    pub(super) previous: u64,
    pub(super) current: u64,
}

impl SlidingWindow {
    pub(super) fn test(&self, policy: &Policy, cost: u64, now: u64) -> Window {
        let now = now.max(self.start);
        self.at(policy, now).report(policy, cost, now)
    }

    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: u64) -> Window {
        let now = now.max(self.start);
        let mut next = self.at(policy, now);
        let (left, from_previous) = next.in_view(policy, now);
        let remaining = policy.amount().saturating_sub(next.current + from_previous);
        if cost > remaining {
            return self.overdraw(policy, cost, now, next);
        }
        next.current += cost;
        let window = Window {
            outcome: HitOutcome::new(true, policy.amount()),
            remaining: remaining - cost,
            reset: next.until_freed(policy.window(), left, from_previous),
            retry_after: NEVER,
            stamp: next.start,
        };
        *self = next;
        window
    }

    /// Takes a cost beyond the amount, if the policy allows that. `next` are the counters as of `now`.
    #[cold]
    fn overdraw(&mut self, policy: &Policy, cost: u64, now: u64, mut next: Self) -> Window {
        if !policy.overdraws(cost, next.remaining(policy, now)) {
            return next.report(policy, cost, now);
        }
        next.current = policy.overdrawn(next.current, cost);
        *self = next;
        self.report(policy, 0, now)
    }

    pub(super) fn refund(&mut self, policy: &Policy, cost: u64, stamp: u64, _: u64) {
        if self.start == stamp {
            self.current = self.current.saturating_sub(cost);
        } else if self.start == stamp.saturating_add(policy.window()) {
            self.previous = self.previous.saturating_sub(cost);
        }
    }

    /// Returns the instant from which neither counter counts any more.
    pub(super) fn expires(&self, window: u64) -> u64 {
        self.start.saturating_add(window).saturating_add(window)
    }

    /// Returns the counters as of `now`: unchanged, shifted by one window, or zero.
    fn at(&self, policy: &Policy, now: u64) -> Self {
        // The usual case: the division below would cost as much as everything else.
        if now - self.start < policy.window() {
            return self.clone();
        }
        let start = now - now % policy.window();
        let previous = if start - self.start == policy.window() { self.current } else { 0 };
        Self { start, previous, current: 0 }
    }

    pub(super) fn remaining(&self, policy: &Policy, now: u64) -> u64 {
        let now = now.max(self.start);
        let next = self.at(policy, now);
        policy.amount().saturating_sub(next.current + next.in_view(policy, now).1)
    }

    /// Returns the rest of the current window at `now`, and the share of the previous counter that still counts.
    fn in_view(&self, policy: &Policy, now: u64) -> (u64, u64) {
        let left = self.start.saturating_add(policy.window()) - now;
        (left, share(self.previous, left, policy.window()))
    }

    fn report(&self, policy: &Policy, cost: u64, now: u64) -> Window {
        let (limit, window) = (policy.amount(), policy.window());
        let (left, from_previous) = self.in_view(policy, now);
        let used = self.current + from_previous;
        let remaining = limit.saturating_sub(used);
        let allowed = cost <= remaining || policy.overdraws(cost, remaining);
        Window {
            outcome: HitOutcome::new(allowed, limit),
            remaining,
            reset: self.until_freed(window, left, from_previous),
            retry_after: if allowed { NEVER } else { self.wait(policy, left, policy.needed(cost)) },
            stamp: if allowed { self.start } else { used.saturating_sub(limit) },
        }
    }

    /// Returns the shortest wait after which `cost` passes.
    ///
    /// That is in this window or else in the next one, where the current counter is the previous one.
    fn wait(&self, policy: &Policy, left: u64, cost: u64) -> u64 {
        let (limit, window) = (policy.amount(), policy.window());
        let Some(room) = limit.checked_sub(cost) else { return NEVER };
        match room.checked_sub(self.current) {
            Some(room) => left - left_when_at_most(self.previous, room, window),
            None => left + (window - left_when_at_most(self.current, room, window)),
        }
    }

    /// Returns the time until the count is one less.
    fn until_freed(&self, window: u64, left: u64, from_previous: u64) -> u64 {
        if from_previous > 0 {
            left - left_when_at_most(self.previous, from_previous - 1, window)
        } else if self.current > 0 {
            // In the next window the current counter is the previous one, which loses its first unit at once.
            left + 1
        } else {
            0
        }
    }
}

/// Returns `floor(count * left / window)`.
fn share(count: u64, left: u64, window: u64) -> u64 {
    if count == 0 {
        return 0;
    }
    match count.checked_mul(left) {
        Some(product) => product / window,
        // At most `count`, since `left` is at most `window`.
        None => narrow(u128::from(count) * u128::from(left) / u128::from(window)),
    }
}

/// Returns the largest rest of a window at which the share of `count` is at most `room`.
///
/// `floor(count * left / window) <= room` is equivalent to `left < (room + 1) * window / count`.
fn left_when_at_most(count: u64, room: u64, window: u64) -> u64 {
    if count <= room {
        return window;
    }
    match (room + 1).checked_mul(window) {
        Some(bound) => bound.div_ceil(count) - 1,
        None => narrow((u128::from(room + 1) * u128::from(window)).div_ceil(u128::from(count)) - 1),
    }
}

fn narrow(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
