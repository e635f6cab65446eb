use crate::{
    Policy, Window,
    window::{HitOutcome, NEVER},
};

/// A bucket that gains one unit per interval.
///
/// Its state is the instant at which it is full again (GCRA's theoretical arrival time).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TokenBucket {
    pub(super) full_at: u64,
}

impl TokenBucket {
    pub(super) fn test(&self, policy: &Policy, cost: u64, now: u64) -> Window {
        self.report(policy, cost, now)
    }

    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: u64) -> Window {
        let window = self.report(policy, cost, now);
        if cost > window.remaining {
            return self.overdraw(policy, cost, now, window);
        }
        let taken = cost * policy.interval();
        self.full_at = self.full_at.max(now).saturating_add(taken);
        Window { remaining: window.remaining - cost, reset: window.reset.saturating_add(taken), ..window }
    }

    /// Takes a cost beyond the burst, into a debt of at most one more, if the policy allows that. `window` is that of a
    /// test.
    #[cold]
    fn overdraw(&mut self, policy: &Policy, cost: u64, now: u64, window: Window) -> Window {
        if !window.is_allowed() {
            return window;
        }
        let taken = cost.saturating_mul(policy.interval());
        let deepest = now.saturating_add(2 * policy.capacity() * policy.interval());
        let full_at = self.full_at.max(now);
        self.full_at = full_at.saturating_add(taken).min(deepest.max(full_at));
        self.report(policy, 0, now)
    }

    /// Refunds the part that time has not already refilled since the hit.
    ///
    /// A larger refund would let the bucket gain the same units twice.
    pub(super) fn refund(&mut self, policy: &Policy, cost: u64, stamp: u64, now: u64) {
        let taken = cost.saturating_mul(policy.interval());
        let refilled = now.saturating_sub(stamp);
        self.full_at = self.full_at.saturating_sub(taken.saturating_sub(refilled));
    }

    #[inline]
    pub(super) fn remaining(&self, policy: &Policy, now: u64) -> u64 {
        let whole = policy.capacity() * policy.interval();
        whole.saturating_sub(self.full_at.saturating_sub(now)) / policy.interval()
    }

    fn report(&self, policy: &Policy, cost: u64, now: u64) -> Window {
        let (capacity, interval) = (policy.capacity(), policy.interval());
        let missing = self.full_at.saturating_sub(now);
        let whole = capacity * interval;
        let remaining = self.remaining(policy, now);
        let allowed = cost <= remaining || policy.overdraws(cost, remaining);
        let needed = policy.needed(cost);
        Window {
            outcome: HitOutcome::new(allowed, policy.amount()),
            remaining,
            reset: missing,
            // No overflow: the cost is within the capacity, which fills within 100 years.
            retry_after: if allowed || cost > capacity {
                NEVER
            } else {
                missing.saturating_sub(whole - needed * interval)
            },
            stamp: if allowed { now } else { missing.saturating_sub(whole).div_ceil(interval) },
        }
    }
}
