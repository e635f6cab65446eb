//! A count as it is kept on the server.

use std::fmt::Write;

use crate::{Policy, Timestamp, Window, strategy::State};

/// Stands in all keys and changes whenever the text of a value does, so that no reader meets what another
/// version has written.
pub(super) const VERSION: u32 = 1;

/// A count, and the newest time at which it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    newest: Timestamp,
    state: State,
}

impl Value {
    /// Of a count that nobody has touched.
    pub(super) fn new(policy: &Policy) -> Self {
        Self { newest: Timestamp::default(), state: State::new(policy) }
    }

    /// Reads what [`text`](Self::text) has written; none when it is something else.
    pub(super) fn read(policy: &Policy, text: &str) -> Option<Self> {
        let mut numbers = text.split(' ').map(|word| word.parse::<u64>().ok());
        let [newest, a, b, c] = [(); 4].map(|()| numbers.next().flatten());
        if numbers.next().is_some() {
            return None;
        }
        let state = State::from_sound_counters(policy, [a?, b?, c?])?;
        Some(Self { newest: Timestamp::from_nanos(newest?), state })
    }

    /// The newest time and the counters, in decimal digits.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(48);
        // A moving window, which has none, is refused before it gets here.
        let [a, b, c] = self.state.counters().unwrap_or_default();
        // Never an error: the text grows.
        let _ = write!(text, "{} {a} {b} {c}", self.newest.as_nanos());
        text
    }

    pub(super) fn test(&self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        self.state.test(policy, cost, now.max(self.newest))
    }

    /// Returns the report, and whether anything changed.
    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> (Window, bool) {
        // These take nothing and move nothing, whatever the strategy.
        if cost == 0 || cost > policy.capacity() {
            return (self.test(policy, cost, now), false);
        }
        let now = now.max(self.newest);
        let window = self.state.hit(policy, cost, now);
        let changed = window.is_allowed() || policy.is_elastic();
        if changed {
            self.newest = now;
        }
        (window, changed)
    }

    pub(super) fn refund(&mut self, policy: &Policy, cost: u64, stamp: u64, now: Timestamp) {
        self.state.refund_stamped(policy, cost, stamp, now.max(self.newest));
    }

    /// Nanoseconds from its newest time until the count is as good as a new one.
    pub(super) fn left(&self) -> u64 {
        self.state.expires().as_nanos().saturating_sub(self.newest.as_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Quota, Strategy};

    const NOON: Timestamp = Timestamp::from_millis(1_750_000_000_000);

    fn policies() -> impl Iterator<Item = Policy> {
        let strategies = Strategy::ALL.into_iter().filter(|it| *it != Strategy::MovingWindow);
        strategies.map(|strategy| Policy::new(Quota::per_minute(5), strategy))
    }

    #[test]
    fn what_is_written_is_read() {
        for policy in policies() {
            let mut value = Value::new(&policy);
            for cost in [3, 2, 1, 0] {
                assert_eq!(Value::read(&policy, &value.text()).as_ref(), Some(&value), "{policy:?}");
                let _ = value.hit(&policy, cost, NOON);
            }
        }
    }

    /// Nobody but us writes there; but who does shall not make the arithmetic overflow.
    #[test]
    fn what_is_not_ours_is_no_count() {
        for policy in policies() {
            let long = format!("1 2 3 {}", u128::MAX);
            for text in ["", "x", "1 2 3", "1 2 3 4 5", "1 2 3 -4", "1  2 3", "1 2 3 4 ", &long] {
                assert_eq!(Value::read(&policy, text), None, "{text:?}");
            }
            let text = format!("1 7 {max} {max}", max = u64::MAX);
            if policy.strategy() != Strategy::TokenBucket {
                assert_eq!(Value::read(&policy, &text), None, "{policy:?}: more than the quota");
            }
        }
    }

    #[test]
    fn a_refusal_changes_nothing_but_an_elastic_end() {
        for policy in policies() {
            let mut value = Value::new(&policy);
            assert!(value.hit(&policy, 5, NOON).1);
            let (window, changed) = value.hit(&policy, 1, NOON);
            assert!(!window.is_allowed());
            assert_eq!(changed, policy.strategy() == Strategy::FixedWindowElasticExpiry);
            assert!(!value.hit(&policy, 6, NOON).1);
            assert!(!value.hit(&policy, 0, NOON).1);
        }
    }
}
