use super::fixed_window::counter_report;
use crate::{Policy, Window};

/// A fixed window whose end moves to one window from now with every hit, admitted or refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ElasticWindow {
    /// Identifies this window among later ones. The end cannot, since it moves.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) used: u64,
}

impl ElasticWindow {
    pub(super) fn test(&self, policy: &Policy, cost: u64, now: u64) -> Window {
        self.current(now).report(policy, cost, now)
    }

    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: u64) -> Window {
        let mut next = self.current(now);
        if policy.ignores(cost) {
            return next.report(policy, cost, now);
        }
        let remaining = next.remaining(policy, now);
        let allowed = cost <= remaining || policy.overdraws(cost, remaining);
        next.end = now.saturating_add(policy.window());
        if allowed {
            next.used = if cost <= remaining { next.used + cost } else { policy.overdrawn(next.used, cost) };
        }
        let window = next.report(policy, if allowed { 0 } else { cost }, now);
        *self = next;
        window
    }

    pub(super) fn refund(&mut self, _: &Policy, cost: u64, stamp: u64, _: u64) {
        if self.start == stamp {
            self.used = self.used.saturating_sub(cost);
        }
    }

    #[inline]
    pub(super) fn remaining(&self, policy: &Policy, now: u64) -> u64 {
        policy.amount().saturating_sub(self.current(now).used)
    }

    /// Returns the window that applies at `now`: this one, or an untouched one if it has ended or was refunded whole.
    fn current(&self, now: u64) -> Self {
        if self.used > 0 && now < self.end { self.clone() } else { Self { start: now, end: now, used: 0 } }
    }

    fn report(&self, policy: &Policy, cost: u64, now: u64) -> Window {
        counter_report(policy, self.used, self.end, cost, now, self.start)
    }
}
