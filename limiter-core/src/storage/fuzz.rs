//! Arbitrary input for the checks of replies, which fuzz targets and property tests call. No stable interface.

use super::{Batch, Decision, Hit};
use crate::{Key, Policy, Quota, Scope, Strategy};

/// Bytes that are read as numbers and choices. Missing bytes are zeros.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Returns a number below `end`, which is at most 256.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub(super) fn is_set(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Returns the bytes that are left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Returns a number: small, near a time of today, near a bound, or any.
    pub(super) fn number(&mut self) -> u64 {
        /// The year 2026, in milliseconds.
        const TODAY: u64 = 1_770_000_000_000;
        let near: u64 = self.byte().into();
        match self.below(16) {
            0 | 1 => 0,
            2..=4 => near,
            5 | 6 => TODAY + near,
            7..=9 => (TODAY + near) * 1000,
            10..=12 => (TODAY + near) * 1_000_000,
            13 => i64::MAX.unsigned_abs() - near,
            14 => u64::MAX - near,
            _ => (0..8).fold(near, |number, _| number << 8 | u64::from(self.byte())),
        }
    }
}

/// Runs a check with a batch of any strategies among these, with up to two guards and four limits.
pub(super) fn with_batch<'i>(
    mut input: Input<'i>,
    strategies: &[Strategy],
    check: impl FnOnce(&Batch<'_>, Input<'i>),
) {
    let (scopes, keys) = (["a", "b"].map(|name| Scope::new([name])), ["x", "y"].map(Key::from));
    let policies: Vec<_> = (0..3).map(|_| policy(&mut input, strategies)).collect();
    let mut hits: Vec<_> = (0..6)
        .map(|_| {
            let (scope, key) = (&scopes[input.below(2)], &keys[input.below(2)]);
            let cost = input.number() >> input.below(64);
            Hit::new(scope, key, &policies[input.below(3)]).cost(cost).shadow(input.below(4) == 3)
        })
        .collect();
    hits.truncate(1 + input.below(6));
    let guards = input.below(3).min(hits.len() - 1);
    let (guards, limits) = hits.split_at(guards);
    check(&Batch::new(limits).guards(guards), input);
}

fn policy(input: &mut Input<'_>, strategies: &[Strategy]) -> Policy {
    let amount = [1, 3, 1000, Quota::MAX_AMOUNT][input.below(4)];
    let quota = [Quota::per_second, Quota::per_hour, Quota::per_year][input.below(3)];
    let strategy = strategies[input.below(strategies.len())];
    let amount = if strategy == Strategy::MovingWindow { amount.min(1000) } else { amount };
    Policy::new(quota(amount), strategy)
}

/// Checks that a decision reports on each hit of its batch, with amounts that are possible.
pub(super) fn check_decision(batch: &Batch<'_>, decision: &Decision) {
    assert_eq!((decision.guards().len(), decision.limits().len()), (batch.guards.len(), batch.limits.len()));
    let windows = decision.guards().iter().chain(decision.limits());
    for (hit, window) in batch.guards.iter().chain(batch.limits).zip(windows) {
        assert!(window.remaining() <= hit.policy.capacity(), "{hit:?}: {window:?}");
        let _ = (window.reset(), window.retry_after());
    }
}
