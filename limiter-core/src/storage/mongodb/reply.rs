//! What the server answers: counts as they were when it decided.

use mongodb::bson::{Bson, Document, oid::ObjectId};

use super::{
    error,
    layout::{Count, Layout},
    pipeline::{NANOS, ROOM},
};
use crate::{Policy, Strategy, Timestamp, storage::StorageError, strategy::State};

/// What one document says of a decision.
pub(super) struct Seen {
    /// The verdict, if anything was changed by it.
    pub(super) written: Option<u64>,
    /// How many live counts have made way.
    pub(super) evicted: u64,
    /// With the places of the counts.
    pub(super) states: Vec<(usize, Before)>,
}

/// A count before the decision.
pub(super) struct Before {
    pub(super) state: State,
    /// The time of the decision, or the newest that the count has seen.
    pub(super) now: Timestamp,
    /// The end in milliseconds, of windows whose end can move.
    pub(super) end: u64,
}

/// Reads an answer; none is one about a document that is not there. The `mark` of this decision stands in what it
/// has written.
pub(super) fn read(
    answer: Option<&Document>,
    layout: &Layout<'_>,
    client: usize,
    mark: ObjectId,
) -> Result<Seen, StorageError> {
    let nothing = Document::new();
    let answer = answer.unwrap_or(&nothing);
    let clock = field(answer, "now")?;
    let report = answer
        .get_document("r")
        .ok()
        .filter(|report| report.get_object_id("q").is_ok_and(|other| other == mark));
    let stored = answer.get_document("c").unwrap_or(&nothing);
    let before = report.and_then(|report| report.get_document("b").ok());
    let states = layout.of(client).map(|(place, count)| {
        let stored = stored.get_document(&count.name).unwrap_or(&nothing);
        let before = match before {
            Some(before) => before.get_document(place.to_string()).unwrap_or(&nothing),
            None => stored,
        };
        let newest = field(before, "n")?;
        let now = if report.is_some() { newest } else { clock.max(newest) };
        let state = state(count, before, stored, now)?;
        Ok((place, Before { state, now: Timestamp::from_millis(now), end: field(before, "x")? }))
    });
    Ok(Seen {
        written: report.map(|report| field(report, "v")).transpose()?,
        evicted: report.map_or(Ok(0), |report| field(report, "n"))?,
        states: states.collect::<Result<_, StorageError>>()?,
    })
}

/// A field that is 0 when it is not there.
fn field(document: &Document, name: &str) -> Result<u64, StorageError> {
    match document.get(name) {
        None => Ok(0),
        Some(value) => number(value),
    }
}

fn number(value: &Bson) -> Result<u64, StorageError> {
    let number = match value {
        Bson::Int64(number) => u64::try_from(*number).ok(),
        Bson::Int32(number) => u64::try_from(*number).ok(),
        _ => None,
    };
    number.ok_or_else(error::not_understood)
}

/// The state that stands in a document. Of a log `before` holds only the sum; the log itself is in `stored`, with
/// what the decision has added to it.
fn state(count: &Count<'_>, before: &Document, stored: &Document, now: u64) -> Result<State, StorageError> {
    let policy = count.policy;
    let get = |name| field(before, name);
    let window = policy.window() / NANOS;
    let counters = match policy.strategy() {
        Strategy::MovingWindow => return log(policy, get("u")?, stored, now),
        Strategy::FixedWindow => [nanos(get("x")?), get("u")?, 0],
        Strategy::FixedWindowElasticExpiry => [nanos(get("s")?), nanos(get("x")?), get("u")?],
        Strategy::SlidingWindowCounter => [nanos(get("x")?.saturating_sub(2 * window)), get("p")?, get("u")?],
        Strategy::TokenBucket => [nanos(get("n")?).saturating_add(get("m")?), 0, 0],
    };
    Ok(State::from_counters(policy, counters).unwrap_or_else(|| State::new(policy)))
}

/// The log as it was when its live hits had this sum.
fn log(policy: &Policy, used: u64, stored: &Document, now: u64) -> Result<State, StorageError> {
    let hits: &[Bson] = stored.get_array("h").map_or(&[], Vec::as_slice);
    let since = now.saturating_sub(policy.window() / NANOS);
    let mut log = Vec::with_capacity(hits.len());
    for hit in hits {
        let hit = number(hit)?;
        log.push((hit / ROOM, hit % ROOM));
    }
    log.retain(|(at, _)| *at > since);
    let mut added = log.iter().map(|(_, cost)| cost).sum::<u64>().saturating_sub(used);
    while let Some((_, cost)) = log.last_mut().filter(|_| added > 0) {
        let undone = added.min(*cost);
        (added, *cost) = (added - undone, *cost - undone);
        if *cost == 0 {
            log.pop();
        }
    }
    Ok(State::from_log(policy, log.into_iter().map(|(at, cost)| (nanos(at), cost))))
}

fn nanos(millis: u64) -> u64 {
    millis.saturating_mul(NANOS)
}
