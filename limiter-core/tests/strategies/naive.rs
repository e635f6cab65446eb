//! The strategies once more, written for clearness from the contract alone: everything that happened is kept
//! in a list and looked through anew for each answer.

use limiter_core::{Policy, Strategy};

pub(crate) struct Naive {
    strategy: Strategy,
    amount: u64,
    capacity: u64,
    window: u64,
    is_metered: bool,
    /// What was taken, and with a cost of 0 the refusals that moved an elastic end.
    events: Vec<(u64, u64)>,
}

impl Naive {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self {
            strategy: policy.strategy(),
            amount: policy.quota().amount(),
            capacity: policy.capacity(),
            window: policy.quota().window_seconds() * 1_000_000_000,
            is_metered: policy.is_metered(),
            events: Vec::new(),
        }
    }

    pub(crate) fn hit(&mut self, cost: u64, at: u64) -> bool {
        let now = self.not_before_newest(at);
        let passes = self.needed(cost) <= self.remaining(now);
        let elastic = self.strategy == Strategy::FixedWindowElasticExpiry;
        if cost > 0 && passes {
            self.events.push((now, cost));
        } else if elastic && cost > 0 && cost <= self.amount {
            self.events.push((now, 0));
        }
        passes
    }

    /// Returns the amount that must be left for a cost to pass.
    pub(crate) fn needed(&self, cost: u64) -> u64 {
        if self.is_metered && cost <= self.capacity { cost.min(1) } else { cost }
    }

    /// Takes a cost beyond the limit. A moving window fills up to the amount.
    pub(crate) fn charge(&mut self, cost: u64, at: u64) {
        let now = self.not_before_newest(at);
        let is_log = self.strategy == Strategy::MovingWindow;
        let taken = if is_log { cost.min(self.remaining(now)) } else { cost };
        if taken > 0 && self.amount > 0 {
            self.events.push((now, taken));
        }
    }

    pub(crate) fn remaining(&self, at: u64) -> u64 {
        let now = self.not_before_newest(at);
        match self.strategy {
            Strategy::FixedWindow => self.amount.saturating_sub(self.used_in_fixed(now)),
            Strategy::FixedWindowElasticExpiry => self.amount.saturating_sub(self.used_in_elastic(now)),
            Strategy::MovingWindow => self.amount.saturating_sub(self.used_since(now)),
            Strategy::SlidingWindowCounter => self.amount.saturating_sub(self.used_weighted(now)),
            Strategy::TokenBucket => self.tokens(now),
            _ => unreachable!("all strategies are known here"),
        }
    }

    /// Returns whether more is used than the amount, in windows that free unit after unit.
    pub(crate) fn is_overdrawn(&self, now: u64) -> bool {
        let used = match self.strategy {
            Strategy::MovingWindow => self.used_since(now),
            _ => self.used_weighted(now),
        };
        used > self.amount
    }

    pub(crate) fn not_before_newest(&self, at: u64) -> u64 {
        self.events.iter().map(|(at, _)| *at).max().unwrap_or(0).max(at)
    }

    fn used_in_fixed(&self, now: u64) -> u64 {
        let mut start = None;
        let mut used = 0;
        for (at, cost) in self.events.iter().copied().chain([(now, 0)]) {
            if start.is_none_or(|start| at >= start + self.window) {
                (start, used) = (Some(at), 0);
            }
            used += cost;
        }
        used
    }

    fn used_in_elastic(&self, now: u64) -> u64 {
        let mut last = None;
        let mut used = 0;
        for (at, cost) in self.events.iter().copied().chain([(now, 0)]) {
            if last.is_some_and(|last| at >= last + self.window) {
                used = 0;
            }
            (last, used) = (Some(at), used + cost);
        }
        used
    }

    /// In (now - window, now].
    fn used_since(&self, now: u64) -> u64 {
        self.events.iter().filter(|(at, _)| at + self.window > now).map(|(_, cost)| cost).sum()
    }

    fn used_weighted(&self, now: u64) -> u64 {
        let in_window = |number: Option<u64>| -> u128 {
            let there = self.events.iter().filter(|(at, _)| Some(at / self.window) == number);
            there.map(|(_, cost)| u128::from(*cost)).sum()
        };
        let number = now / self.window;
        let left = self.window - now % self.window;
        let from_previous = in_window(number.checked_sub(1)) * u128::from(left) / u128::from(self.window);
        u64::try_from(from_previous + in_window(Some(number))).unwrap()
    }

    /// Counts the nanoseconds in the bucket; a token is worth `interval` of them. The debt is at most one more burst.
    fn tokens(&self, now: u64) -> u64 {
        let interval = self.window.div_ceil(self.amount.max(1));
        let [interval, full] = [interval, self.capacity * interval].map(i128::from);
        let mut level = full;
        let mut last = 0;
        for (at, cost) in self.events.iter().copied().chain([(now, 0)]) {
            level = full.min(level + i128::from(at - last));
            level = (level - i128::from(cost) * interval).max(level.min(-full));
            last = at;
        }
        u64::try_from(level.max(0) / interval).unwrap()
    }
}
