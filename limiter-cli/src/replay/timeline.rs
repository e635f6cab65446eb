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
    /// The interval of the last request, which the next one shares most of the time.
    last: Option<(u64, (u64, u64))>,
}

impl Timeline {
    pub(super) fn add(&mut self, at: Timestamp, is_refused: bool) {
        let number = at.as_nanos() / 1_000_000_000 / self.seconds();
        if self.last.is_none_or(|(last, _)| last != number) {
            self.keep_last();
            // The length of intervals may have changed.
            let number = at.as_nanos() / 1_000_000_000 / self.seconds();
            self.last = Some((number, (0, 0)));
        }
        if let Some((_, (admitted, refused))) = &mut self.last {
            *(if is_refused { refused } else { admitted }) += 1;
        }
    }

    /// Adds the counts of the last interval to the others.
    fn keep_last(&mut self) {
        let Some((number, (admitted, refused))) = self.last.take() else { return };
        let sum = self.intervals.entry(number).or_default();
        sum.0 += admitted;
        sum.1 += refused;
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

    /// Returns the length of an interval, and the start of each from the first to the last, with the admitted and the
    /// refused requests in it.
    pub(super) fn finish(&mut self) -> (u64, Vec<(Timestamp, u64, u64)>) {
        self.keep_last();
        (self.seconds(), self.intervals())
    }

    fn seconds(&self) -> u64 {
        LENGTHS[self.length]
    }

    fn intervals(&self) -> Vec<(Timestamp, u64, u64)> {
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
        let (seconds, intervals) = timeline.finish();
        assert_eq!((seconds, intervals.len()), (10, 13));
        assert_eq!(intervals[0], (Timestamp::from_millis(999_999_990_000), 1, 0));
        assert_eq!((intervals[1].1, intervals[7].1, intervals[12].2), (1, 1, 1));
        timeline.add(Timestamp::from_millis(0), false);
        let (seconds, intervals) = timeline.finish();
        assert!(intervals.len() <= 121 && seconds > 86400);
        assert_eq!(intervals.iter().map(|(_, one, other)| one + other).sum::<u64>(), 5);
    }
}
