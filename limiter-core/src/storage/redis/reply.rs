use redis::Value;
use smallvec::{SmallVec, smallvec};

use super::{call::Call, error, script::Shape};
use crate::{
    Policy, Strategy, Timestamp, Window,
    storage::{Batch, Decision, Hit, StorageError, Verdict},
    strategy::State,
    window::{HitOutcome, NEVER},
};

/// What a script says of one hit: [whether it was taken](was_taken) and [moved an end](is_moved), and four
/// numbers of the strategy.
pub(super) type Words = [u64; 5];

/// What a script says of a batch.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) verdict: Verdict,
    /// Of each guard, then of each limit.
    pub(super) words: SmallVec<[Words; 6]>,
}

impl Reply {
    /// Reads the answer to a call.
    pub(super) fn read(answer: &Value, call: &Call) -> Result<Self, StorageError> {
        let Value::BulkString(answer) = answer else { return Err(error::not_understood()) };
        let straight =
            call.shape_of_limits().and_then(|shape| Self::of_records(answer, shape, call.reports()));
        straight.or_else(|| Self::of_reports(answer, call.reports())).ok_or_else(error::not_understood)
    }

    /// Reads what `decide.lua` says: the verdict, then of each hit 33 bytes.
    fn of_reports(answer: &[u8], hits: usize) -> Option<Self> {
        let (verdict, reports) = answer.split_first()?;
        let verdict = match verdict {
            b'0' => Verdict::Admitted,
            b'1' => Verdict::Refused,
            b'2' => Verdict::RefusedByGuard,
            _ => return None,
        };
        let (reports, rest) = reports.as_chunks::<33>();
        let words = reports.iter().map(|[taken, numbers @ ..]| {
            let taken = taken.checked_sub(b'0').filter(|taken| *taken < 4)?;
            Some([
                taken.into(),
                double(numbers, 0)?,
                double(numbers, 1)?,
                double(numbers, 2)?,
                double(numbers, 3)?,
            ])
        });
        let words: SmallVec<_> = words.collect::<Option<_>>()?;
        (rest.is_empty() && words.len() == hits).then_some(Self { verdict, words })
    }

    /// Reads what a straight script says: of each key its head, which begins with the time, and records; and a `-`
    /// if they are refused. None for the answer of another script, which has another length.
    fn of_records(answer: &[u8], shape: &Shape, hits: usize) -> Option<Self> {
        let (verdict, taken, mut rest) = match answer.strip_suffix(b"-") {
            Some(rest) if rest.len() % 16 == 0 => (Verdict::Refused, 0, rest),
            _ => (Verdict::Admitted, 1, answer),
        };
        let mut words: SmallVec<[Words; 6]> = smallvec![[0; 5]; hits];
        for key in shape.keys() {
            let (head, records) = rest.split_at_checked(16)?;
            let at = double(head, 0)?;
            rest = records;
            for limit in shape.limits_of(key) {
                let (record, records) = rest.split_at_checked(32)?;
                *words.get_mut(limit)? =
                    [taken, at, double(record, 1)?, double(record, 2)?, double(record, 3)?];
                rest = records;
            }
        }
        rest.is_empty().then_some(Self { verdict, words })
    }

    /// Reports the guards and limits. The reports are worked out here, by the same functions that memory uses:
    /// the script returns the counts they start from. `places` are equal for hits of one count.
    ///
    /// What was taken or moved is reported as untouched when it `is_returned`.
    pub(super) fn windows(&self, batch: &Batch<'_>, places: &[usize], is_returned: bool) -> Windows {
        let guards = batch.guards.len();
        let (of_guards, of_limits) = self.words.split_at(guards);
        let mut windows = Windows::with_capacity(self.words.len());
        look(batch.guards, &places[..guards], of_guards, &mut windows);
        let places = &places[guards..];
        match self.verdict {
            Verdict::Admitted if is_returned => {
                windows
                    .extend((0..batch.limits.len()).map(|at| returned(at, batch.limits, places, of_limits)));
            }
            Verdict::Admitted => {
                windows.extend(batch.limits.iter().zip(of_limits).map(|(hit, words)| after(hit, words)));
            }
            Verdict::Refused if is_returned => {
                let unmoved: SmallVec<[Words; 6]> = of_limits.iter().map(unmoved).collect();
                look(batch.limits, places, &unmoved, &mut windows);
            }
            Verdict::Refused | Verdict::RefusedByGuard => look(batch.limits, places, of_limits, &mut windows),
        }
        windows
    }
}

type Windows = SmallVec<[Window; 6]>;

/// Reads the decision of a batch.
pub(super) fn decision(answer: &Value, batch: &Batch<'_>, call: &Call) -> Result<Decision, StorageError> {
    let reply = Reply::read(answer, call)?;
    let windows = reply.windows(batch, call.places(), false);
    Ok(Decision::from_windows(reply.verdict, batch.guards.len(), windows))
}

fn unmoved([taken, words @ ..]: &Words) -> Words {
    let [at, a, b, c] = *words;
    [taken & 1, at, a, b, c]
}

/// Reports looks at hits, each with what earlier ones of the same count would have taken.
fn look(hits: &[Hit<'_>], places: &[usize], words: &[Words], windows: &mut Windows) {
    let first = windows.len();
    for (index, hit) in hits.iter().enumerate() {
        let earlier = (0..index).filter(|earlier| places[*earlier] == places[index]);
        // What refuses in shadow takes nothing.
        let takes = earlier.filter(|earlier| windows[first + earlier].is_allowed() || !hits[*earlier].shadow);
        let cost = takes.fold(hit.cost, |sum, earlier| sum.saturating_add(hits[earlier].cost));
        windows.push(report(hit.policy, cost, &words[index]));
    }
}

/// Reports a hit of an admitted batch: what is left after it, or why it did not pass in shadow.
fn after(hit: &Hit<'_>, words: &Words) -> Window {
    report(hit.policy, if was_taken(words) { 0 } else { hit.cost }, words)
}

pub(super) fn was_taken(words: &Words) -> bool {
    words[0] & 1 == 1
}

/// Whether the end of an elastic window is no longer the one that the words tell, but a window from now.
pub(super) fn is_moved(words: &Words) -> bool {
    words[0] & 2 == 2
}

/// Reports a hit of an admitted batch as if the batch had taken nothing: as a look, with what earlier hits of
/// the same count took.
fn returned(at: usize, hits: &[Hit<'_>], places: &[usize], words: &[Words]) -> Window {
    let (hit, seen) = (&hits[at], &words[at]);
    let earlier = (0..at).filter(|other| places[*other] == places[at] && was_taken(&words[*other]));
    let earlier = earlier.fold(0_u64, |sum, other| sum.saturating_add(hits[other].cost));
    let cost = earlier.saturating_add(hit.cost);
    let taken = if was_taken(seen) { cost } else { earlier };
    let Some(mut state) = counters(hit.policy, seen, false) else {
        return returned_moving_window(hit.policy, cost, taken, seen);
    };
    let now = Timestamp::from_nanos(nanos(seen[1]));
    // The end that was moved goes back to what the words tell.
    state.refund_stamped(
        hit.policy,
        taken,
        nanos(stamp(hit.policy.strategy(), hit.policy.window() / 1000, seen)),
        now,
    );
    in_whole_micros(state.test(hit.policy, cost, now))
}

/// What is missing for the cost is the same after earlier hits and before them, and so is what frees it.
fn returned_moving_window(policy: &Policy, cost: u64, taken: u64, words: &Words) -> Window {
    let [_, at, used, oldest, last] = *words;
    let used = used.saturating_sub(taken);
    let oldest = if used == 0 { 0 } else { oldest };
    let last = if cost > policy.amount() { 0 } else { last };
    moving_window(policy, cost, &[0, at, used, oldest, last])
}

/// By which a script finds a hit again that it has taken, in microseconds.
pub(super) fn stamp(strategy: Strategy, window: u64, words: &Words) -> u64 {
    let [_, at, a, b, _] = *words;
    match strategy {
        Strategy::FixedWindow => a,
        Strategy::FixedWindowElasticExpiry => b,
        Strategy::SlidingWindowCounter => a.saturating_sub(2 * window),
        Strategy::MovingWindow | Strategy::TokenBucket => at,
    }
}

fn report(policy: &Policy, cost: u64, words: &Words) -> Window {
    let Some(state) = counters(policy, words, is_moved(words)) else {
        return moving_window(policy, cost, words);
    };
    in_whole_micros(state.test(policy, cost, Timestamp::from_nanos(nanos(words[1]))))
}

/// The state on the server; none for a moving window, which stays there.
fn counters(policy: &Policy, words: &Words, is_moved: bool) -> Option<State> {
    let [_, at, a, b, c] = *words;
    let counters = match policy.strategy() {
        Strategy::FixedWindow => [nanos(a), b, c],
        Strategy::FixedWindowElasticExpiry if is_moved => {
            [nanos(b), nanos(at).saturating_add(policy.window()), c]
        }
        Strategy::FixedWindowElasticExpiry => [nanos(b), nanos(a), c],
        Strategy::SlidingWindowCounter => [nanos(a).saturating_sub(2 * policy.window()), b, c],
        Strategy::TokenBucket => [nanos(a).saturating_add(b), 0, 0],
        Strategy::MovingWindow => return None,
    };
    State::from_counters(policy, counters)
}

/// The server's clock counts microseconds: a wait must last until it has moved on.
fn in_whole_micros(mut window: Window) -> Window {
    window.reset = whole_micros(window.reset);
    window.retry_after = whole_micros(window.retry_after);
    window
}

/// The log stays on the server, which returns when the next unit leaves it, and the last of those that must
/// make room for the cost.
fn moving_window(policy: &Policy, cost: u64, words: &Words) -> Window {
    let [_, at, used, oldest, last] = *words;
    let until_left = |instant| nanos(instant).saturating_add(policy.window()).saturating_sub(nanos(at));
    let remaining = policy.amount().saturating_sub(used);
    Window {
        outcome: HitOutcome::new(cost <= remaining, policy.amount()),
        remaining,
        reset: if oldest == 0 { 0 } else { until_left(oldest) },
        retry_after: if last == 0 { NEVER } else { until_left(last) },
        stamp: nanos(at),
    }
}

fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(1000)
}

fn whole_micros(nanos: u64) -> u64 {
    if nanos == NEVER { NEVER } else { nanos.div_ceil(1000) * 1000 }
}

/// A whole number that stands there as a double, by its place.
fn double(doubles: &[u8], place: usize) -> Option<u64> {
    let number = f64::from_le_bytes(*doubles.as_chunks().0.get(place)?);
    // Two windows of 100 years from 2255 on.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within these bounds")]
    (0.0..1.8e16).contains(&number).then_some(number as u64)
}
