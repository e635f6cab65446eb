//! The outcomes of requests by minute, over the last hour.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
};

use limiter_core::Timestamp;
use parking_lot::Mutex;

use super::outcome::RequestOutcome;

/// The outcomes of the requests of the last hour, by minute. Bounded: a new minute takes over the oldest.
#[derive(Debug)]
pub(crate) struct History {
    minutes: [Slot; SLOTS],
    /// Locked while a slot is taken over.
    turn: Mutex<()>,
}

/// The outcomes of one minute.
#[derive(Debug, Default)]
struct Slot {
    /// The number of the minute since the epoch.
    minute: AtomicU64,
    /// In the order of [`RequestOutcome`].
    counts: [AtomicU64; OUTCOMES],
}

/// A minute with the number of requests of each outcome, in the order of [`RequestOutcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Minute {
    /// Its begin, in seconds since the epoch.
    pub(crate) start: u64,
    pub(crate) counts: [u64; OUTCOMES],
}

/// The number of minutes that are reported: an hour, with the current minute.
const SHOWN: u64 = 60;
/// One more, so that no minute that is reported is being taken over.
const SLOTS: usize = 61;
const OUTCOMES: usize = RequestOutcome::COUNT;

impl Default for History {
    fn default() -> Self {
        Self { minutes: array::from_fn(|_| Slot::default()), turn: Mutex::new(()) }
    }
}

impl History {
    pub(super) fn count(&self, outcome: RequestOutcome, now: Timestamp) {
        let minute = minute_of(now);
        let slot = self.slot(minute);
        if slot.minute.load(Ordering::Acquire) != minute && !self.take_over(slot, minute) {
            return;
        }
        slot.counts[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a slot that of a minute. Returns `false` if it has a later one.
    #[cold]
    fn take_over(&self, slot: &Slot, minute: u64) -> bool {
        let _turn = self.turn.lock();
        let current = slot.minute.load(Ordering::Acquire);
        if current < minute {
            slot.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
            slot.minute.store(minute, Ordering::Release);
        }
        current <= minute
    }

    /// Returns the last hour, the oldest minute first. Minutes without requests are part of it.
    pub(crate) fn minutes(&self, now: Timestamp) -> Vec<Minute> {
        let last = minute_of(now);
        let minutes = last.saturating_sub(SHOWN - 1)..=last;
        minutes.map(|minute| self.minute(minute)).collect()
    }

    fn minute(&self, minute: u64) -> Minute {
        let slot = self.slot(minute);
        let is_it = slot.minute.load(Ordering::Acquire) == minute;
        let count = |index: usize| if is_it { slot.counts[index].load(Ordering::Relaxed) } else { 0 };
        Minute { start: minute * 60, counts: array::from_fn(count) }
    }

    fn slot(&self, minute: u64) -> &Slot {
        #[expect(clippy::cast_possible_truncation, reason = "it is below the number of slots")]
        let index = (minute % SLOTS as u64) as usize;
        &self.minutes[index]
    }
}

fn minute_of(now: Timestamp) -> u64 {
    now.as_nanos() / 60_000_000_000
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    fn at(minute: u64, seconds: u64) -> Timestamp {
        Timestamp::from_millis((minute * 60 + seconds) * 1000)
    }

    #[test]
    fn each_minute_has_its_own_numbers_for_an_hour() {
        let history = History::default();
        for minute in 100..=170 {
            for _ in 0..minute {
                history.count(RequestOutcome::Refused, at(minute, 59));
            }
        }
        let minutes = history.minutes(at(170, 0));
        assert_eq!(minutes.len(), 60);
        for (minute, number) in minutes.iter().zip(111..) {
            assert_eq!(*minute, Minute { start: number * 60, counts: [0, 0, number, 0, 0, 0] });
        }
        let later = history.minutes(at(172, 0));
        assert_eq!(later[57].counts[2], 170);
        assert_eq!([later[58].counts, later[59].counts], [[0; OUTCOMES]; 2], "no request came");
        history.count(RequestOutcome::Allowed, at(100, 0));
        assert_eq!(history.minutes(at(170, 0)), minutes, "an old minute takes nothing over");
    }

    #[test]
    fn threads_lose_no_request_when_a_minute_begins() {
        let (history, threads) = (History::default(), 4);
        let barrier = Barrier::new(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for minute in 1..=200 {
                        barrier.wait();
                        for _ in 0..20 {
                            history.count(RequestOutcome::Allowed, at(minute, 0));
                        }
                    }
                });
            }
        });
        let minutes = history.minutes(at(200, 0));
        assert!(minutes.iter().all(|minute| minute.counts == [80, 0, 0, 0, 0, 0]), "{minutes:?}");
    }
}
