//! Parses the replies of the server: the counts as they were before the decision.

use mongodb::bson::{Bson, Document, oid::ObjectId};

use super::{
    error,
    layout::{BatchLayout, StoredCount},
    pipeline::{COST_RANGE, NANOS},
};
use crate::{Policy, Strategy, Timestamp, storage::StorageError, strategy::State};

/// The reply about one document.
pub(super) struct DocumentReply {
    /// The code of the verdict, if the decision has changed the document.
    pub(super) written: Option<u64>,
    /// The number of live counts that were evicted.
    pub(super) evicted: u64,
    /// The counts, with their indices.
    pub(super) counts: Vec<(usize, PriorCount)>,
}

/// A count before the decision.
#[derive(Clone)]
pub(super) struct PriorCount {
    pub(super) state: State,
    /// The time of the decision, or the newest time of the count if that is later.
    pub(super) now: Timestamp,
    /// The end in milliseconds, for windows whose end can move.
    pub(super) end: u64,
}

impl DocumentReply {
    /// Returns the reply about a document of which nothing is known: it has changed nothing, and its counts are new.
    pub(super) fn unknown(layout: &BatchLayout<'_>, client: usize) -> Result<Self, StorageError> {
        Self::parse(None, layout, client, ObjectId::new())
    }

    /// Parses a reply, which is `None` if the document does not exist. `mark` identifies the report of this decision.
    pub(super) fn parse(
        reply: Option<&Document>,
        layout: &BatchLayout<'_>,
        client: usize,
        mark: ObjectId,
    ) -> Result<Self, StorageError> {
        let nothing = Document::new();
        let reply = reply.unwrap_or(&nothing);
        let clock = number_or_zero(reply, "now")?;
        let report = reply
            .get_document("r")
            .ok()
            .filter(|report| report.get_object_id("q").is_ok_and(|other| other == mark));
        let stored = reply.get_document("c").unwrap_or(&nothing);
        let before = report.and_then(|report| report.get_document("b").ok());
        let counts = layout.of(client).map(|(place, count)| {
            let stored = stored.get_document(&count.field).unwrap_or(&nothing);
            let before = match before {
                Some(before) => before.get_document(place.to_string()).unwrap_or(&nothing),
                None => stored,
            };
            let newest = number_or_zero(before, "n")?;
            let now = if report.is_some() { newest } else { clock.max(newest) };
            let state = state(count, before, stored, now)?;
            let end = number_or_zero(before, "x")?;
            Ok((place, PriorCount { state, now: Timestamp::from_millis(now), end }))
        });
        Ok(Self {
            written: report.map(|report| number_or_zero(report, "v")).transpose()?,
            evicted: report.map_or(Ok(0), |report| number_or_zero(report, "n"))?,
            counts: counts.collect::<Result<_, StorageError>>()?,
        })
    }
}

fn number_or_zero(document: &Document, name: &str) -> Result<u64, StorageError> {
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
    number.ok_or_else(error::unexpected_reply)
}

/// Returns the state before the decision. For a log, `before` has only the sum; the log itself is in `stored`, with the
/// hits that the decision has added.
fn state(
    count: &StoredCount<'_>,
    before: &Document,
    stored: &Document,
    now: u64,
) -> Result<State, StorageError> {
    let policy = count.policy;
    let get = |name| number_or_zero(before, name);
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

/// Returns the log at the time when the sum of its live hits was `used`.
fn log(policy: &Policy, used: u64, stored: &Document, now: u64) -> Result<State, StorageError> {
    let hits: &[Bson] = stored.get_array("h").map_or(&[], Vec::as_slice);
    let since = now.saturating_sub(policy.window() / NANOS);
    let mut log = Vec::with_capacity(hits.len());
    for hit in hits {
        let hit = number(hit)?;
        log.push((hit / COST_RANGE, hit % COST_RANGE));
    }
    log.retain(|(at, _)| *at > since);
    let mut added = log.iter().map(|(_, cost)| cost).sum::<u64>().saturating_sub(used);
    while let Some((_, cost)) = log.last_mut().filter(|_| added > 0) {
        let removed = added.min(*cost);
        (added, *cost) = (added - removed, *cost - removed);
        if *cost == 0 {
            log.pop();
        }
    }
    Ok(State::from_log(policy, log.into_iter().map(|(at, cost)| (nanos(at), cost))))
}

fn nanos(millis: u64) -> u64 {
    millis.saturating_mul(NANOS)
}
