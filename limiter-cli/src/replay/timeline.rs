//! Requests over time, in a bounded number of intervals.

use std::collections::BTreeMap;

use limiter_actix::Timestamp;

/// The most intervals.
const MAX_INTERVALS: u64 = 120;

/// Lengths of intervals in seconds, each a multiple of the one before.
const LENGTHS: [u64; 12] = [1, 10, 60, 300, 900, 3600, 10800, 43200, 86400, 604_800, 2_419_200, 29_030_400];

/// Counts of admitted and refused requests in intervals of one length, which grows as needed.
#[derive(Default)]
pub(super) struct Timeline {
    intervals: BTreeMap<u64, (u64, u64)>,
    length: usize,
}

impl Timeline {
    pub(super) fn add(&mut self, at: Timestamp, is_refused: bool) {
        let number = at.as_nanos() / 1_000_000_000 / self.seconds();
        let (admitted, refused) = self.intervals.entry(number).or_default();
        *(if is_refused { refused } else { admitted }) += 1;
        while self.is_too_long() {
            self.merge();
        }
    }

    fn is_too_long(&self) -> bool {
        let first = self.intervals.keys().next();
        let span = first.zip(self.intervals.keys().next_back()).map_or(0, |(first, last)| last - first);
        span >= MAX_INTERVALS && self.length + 1 < LENGTHS.len()
    }

    /// Merges intervals into longer ones.
    fn merge(&mut self) {
        let factor = LENGTHS[self.length + 1] / LENGTHS[self.length];
        self.length += 1;
        for (number, (admitted, refused)) in std::mem::take(&mut self.intervals) {
            let sum = self.intervals.entry(number / factor).or_default();
            sum.0 += admitted;
            sum.1 += refused;
        }
    }

    /// Returns the length of an interval.
    pub(super) fn seconds(&self) -> u64 {
        LENGTHS[self.length]
    }

    /// Returns the start of each interval from the first to the last, with the admitted and refused requests in it.
    pub(super) fn intervals(&self) -> Vec<(Timestamp, u64, u64)> {
        let (Some(first), Some(last)) = (self.intervals.keys().next(), self.intervals.keys().next_back())
        else {
            return Vec::new();
        };
        let interval = |number: u64| {
            let (admitted, refused) = self.intervals.get(&number).copied().unwrap_or_default();
            (Timestamp::from_millis(number * self.seconds() * 1000), admitted, refused)
        };
        (*first..=*last).map(interval).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_grow_with_the_span() {
        let mut timeline = Timeline::default();
        let seconds = [1_000_000_000, 1_000_000_119, 1_000_000_060, 999_999_999];
        for (index, second) in seconds.into_iter().enumerate() {
            timeline.add(Timestamp::from_millis(second * 1000 + 999), index == 1);
        }
        assert_eq!(timeline.seconds(), 10);
        let intervals = timeline.intervals();
        assert_eq!(intervals.len(), 13);
        assert_eq!(intervals[0], (Timestamp::from_millis(999_999_990_000), 1, 0));
        assert_eq!((intervals[1].1, intervals[7].1, intervals[12].2), (1, 1, 1));
        timeline.add(Timestamp::from_millis(0), false);
        assert!(timeline.intervals().len() <= 121 && timeline.seconds() > 86400);
        assert_eq!(timeline.intervals().iter().map(|(_, one, other)| one + other).sum::<u64>(), 5);
    }
}
