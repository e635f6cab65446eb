use redis::Value;
use smallvec::SmallVec;

use super::error;
use crate::{
    Policy, Strategy, Timestamp, Window,
    storage::{Batch, Decision, Hit, StorageError, Verdict},
    strategy::State,
    window::NEVER,
};

/// What a script says of one hit: whether it was taken, and four numbers of the strategy.
type Words = [u64; 5];

/// Reads the decision of a batch. The reports are worked out here, by the same functions that memory uses: the
/// script returns the counts they start from. `places` are equal for hits of one count.
pub(super) fn decision(reply: Value, batch: &Batch<'_>, places: &[usize]) -> Result<Decision, StorageError> {
    let numbers = numbers(reply).ok_or_else(error::not_understood)?;
    let (verdict, words) = numbers.split_first().ok_or_else(error::not_understood)?;
    let verdict = match verdict {
        0 => Verdict::Admitted,
        1 => Verdict::Refused,
        2 => Verdict::Guarded,
        _ => return Err(error::not_understood()),
    };
    let (words, rest) = words.as_chunks::<5>();
    let (guards, limits) = (batch.guards.len(), batch.limits.len());
    if words.len() != guards + limits || !rest.is_empty() {
        return Err(error::not_understood());
    }
    let mut windows = SmallVec::with_capacity(words.len());
    look(batch.guards, &places[..guards], &words[..guards], &mut windows);
    let words = &words[guards..];
    if verdict == Verdict::Admitted {
        windows.extend(batch.limits.iter().zip(words).map(|(hit, words)| after(hit, words)));
    } else {
        look(batch.limits, &places[guards..], words, &mut windows);
    }
    Ok(Decision::from_windows(verdict, guards, windows))
}

/// Reports looks at hits, each with what earlier ones of the same count would have taken.
fn look(hits: &[Hit<'_>], places: &[usize], words: &[Words], windows: &mut SmallVec<[Window; 6]>) {
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
    let was_taken = words[0] == 1;
    report(hit.policy, if was_taken { 0 } else { hit.cost }, words)
}

fn report(policy: &Policy, cost: u64, words: &Words) -> Window {
    let [_, at, a, b, c] = *words;
    let counters = match policy.strategy() {
        Strategy::FixedWindow | Strategy::SlidingWindowCounter => [nanos(a), b, c],
        Strategy::FixedWindowElasticExpiry => [nanos(a), nanos(b), c],
        Strategy::MovingWindow => return moving_window(policy, cost, words),
        Strategy::TokenBucket => [nanos(a).saturating_add(b), 0, 0],
    };
    let state = State::from_counters(policy, counters).unwrap_or_else(|| State::new(policy));
    let mut window = state.test(policy, cost, Timestamp::from_nanos(nanos(at)));
    // The server's clock counts microseconds: a wait must last until it has moved on.
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
        allowed: cost <= remaining,
        limit: policy.amount(),
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

fn numbers(reply: Value) -> Option<SmallVec<[u64; 32]>> {
    let Value::Array(values) = reply else { return None };
    let number = |value| match value {
        Value::Int(number) => u64::try_from(number).ok(),
        _ => None,
    };
    values.into_iter().map(number).collect()
}
