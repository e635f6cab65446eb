//! The stored form of a count.

use std::fmt::Write;

use crate::{Policy, Timestamp, Window, strategy::State};

/// The version of the text form, a part of all keys. It changes with the form, so that no process reads a text
/// that another version has written.
pub(super) const VERSION: u32 = 1;

/// A count and the newest time at which it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CountRecord {
    newest: Timestamp,
    state: State,
}

impl CountRecord {
    /// Returns the record of an untouched count.
    pub(super) fn new(policy: &Policy) -> Self {
        Self { newest: Timestamp::default(), state: State::new(policy) }
    }

    /// Parses the result of [`text`](Self::text). Returns `None` for any other text.
    pub(super) fn parse(policy: &Policy, text: &str) -> Option<Self> {
        let mut numbers = text.split(' ').map(|word| word.parse::<u64>().ok());
        let [newest, a, b, c] = [(); 4].map(|()| numbers.next().flatten());
        if numbers.next().is_some() {
            return None;
        }
        let state = State::from_sound_counters(policy, [a?, b?, c?])?;
        Some(Self { newest: Timestamp::from_nanos(newest?), state })
    }

    /// Returns the newest time and the counters in decimal digits.
    pub(super) fn text(&self) -> String {
        let mut text = String::with_capacity(48);
        // Only a moving window has no counters, and `MemcachedStorage` refuses those.
        let [a, b, c] = self.state.counters().unwrap_or_default();
        // Writing to a `String` never fails.
        let _ = write!(text, "{} {a} {b} {c}", self.newest.as_nanos());
        text
    }

    pub(super) fn test(&self, policy: &Policy, cost: u64, now: Timestamp) -> Window {
        self.state.test(policy, cost, now.max(self.newest))
    }

    /// Hits the count; returns the report and whether the record has changed.
    pub(super) fn hit(&mut self, policy: &Policy, cost: u64, now: Timestamp) -> (Window, bool) {
        // Under every strategy these leave the count as it is.
        if policy.ignores(cost) {
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

    /// Returns the nanoseconds from the newest time until the count equals an untouched one.
    pub(super) fn expires_in(&self) -> u64 {
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
    fn a_record_is_parsed_as_it_was_written() {
        for policy in policies() {
            let mut record = CountRecord::new(&policy);
            for cost in [3, 2, 1, 0] {
                assert_eq!(CountRecord::parse(&policy, &record.text()).as_ref(), Some(&record), "{policy:?}");
                let _ = record.hit(&policy, cost, NOON);
            }
        }
    }

    /// Another program may write to our keys; its numbers must not make the arithmetic overflow.
    #[test]
    fn other_texts_are_no_records() {
        for policy in policies() {
            let long = format!("1 2 3 {}", u128::MAX);
            for text in ["", "x", "1 2 3", "1 2 3 4 5", "1 2 3 -4", "1  2 3", "1 2 3 4 ", &long] {
                assert_eq!(CountRecord::parse(&policy, text), None, "{text:?}");
            }
            let text = format!("1 7 {max} {max}", max = u64::MAX);
            if policy.strategy() != Strategy::TokenBucket {
                assert_eq!(CountRecord::parse(&policy, &text), None, "{policy:?}: more than the quota");
            }
        }
    }

    #[test]
    fn a_refusal_changes_nothing_but_an_elastic_end() {
        for policy in policies() {
            let mut record = CountRecord::new(&policy);
            assert!(record.hit(&policy, 5, NOON).1);
            let (window, changed) = record.hit(&policy, 1, NOON);
            assert!(!window.is_allowed());
            assert_eq!(changed, policy.strategy() == Strategy::FixedWindowElasticExpiry);
            assert!(!record.hit(&policy, 6, NOON).1);
            assert!(!record.hit(&policy, 0, NOON).1);
        }
    }
}
