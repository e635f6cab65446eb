use crate::{
    Policy, Window,
    window::{HitOutcome, NEVER},
};

/// One counter. The window starts at the first hit of the key and ends exactly one window later, or by the calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FixedWindow {
    pub(super) end: u64,
    pub(super) used: u64,
}

impl FixedWindow {
    pub(super) fn test(&self, policy: &Policy, cost: u64, now: u64) -> Window {
        self.current(now).report(policy, cost, now)
    }

    #[inline]
    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: u64) -> Window {
        let Self { end, used } = self.current(now);
        let remaining = policy.amount().saturating_sub(used);
        if cost > remaining {
            return self.overdraw(policy, cost, now, remaining).by_fields();
        }
        self.end = if used == 0 { policy.window_end(now) } else { end };
        self.used = used + cost;
        Window {
            outcome: HitOutcome::new(true, policy.amount()),
            remaining: remaining - cost,
            reset: self.end - now,
            retry_after: NEVER,
            stamp: self.end,
        }
    }

    /// Takes a cost beyond the amount, if the policy allows that.
    #[cold]
    fn overdraw(&mut self, policy: &Policy, cost: u64, now: u64, remaining: u64) -> Window {
        let Self { end, used } = self.current(now);
        if !policy.overdraws(cost, remaining) {
            return Self { end, used }.report(policy, cost, now);
        }
        self.end = if used == 0 { policy.window_end(now) } else { end };
        self.used = policy.overdrawn(used, cost);
        self.report(policy, 0, now)
    }

    pub(super) fn refund(&mut self, _: &Policy, cost: u64, stamp: u64, _: u64) {
        if self.end == stamp {
            self.used = self.used.saturating_sub(cost);
        }
    }

    #[inline]
    pub(super) fn remaining(&self, policy: &Policy, now: u64) -> u64 {
        policy.amount().saturating_sub(self.current(now).used)
    }

    /// Returns the window that applies at `now`: this one, or an untouched one if it has ended or was refunded whole.
    fn current(&self, now: u64) -> Self {
        if self.used > 0 && now < self.end { self.clone() } else { Self { end: now, used: 0 } }
    }

    fn report(&self, policy: &Policy, cost: u64, now: u64) -> Window {
        counter_report(policy, self.used, self.end, cost, now, self.end)
    }
}

/// Returns the report of a window with one counter; shared with the elastic window.
pub(super) fn counter_report(
    policy: &Policy,
    used: u64,
    end: u64,
    cost: u64,
    now: u64,
    stamp: u64,
) -> Window {
    let limit = policy.amount();
    let remaining = limit.saturating_sub(used);
    let allowed = cost <= remaining || policy.overdraws(cost, remaining);
    Window {
        outcome: HitOutcome::new(allowed, limit),
        remaining,
        reset: end - now,
        retry_after: if allowed || cost > limit { NEVER } else { end - now },
        stamp: if allowed { stamp } else { used.saturating_sub(limit) },
    }
}
