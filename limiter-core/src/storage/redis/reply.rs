use redis::Value;
use smallvec::{SmallVec, smallvec};

use super::{
    call::Call,
    error,
    raw_report::RawReport,
    script::{BatchShape, HitRole},
};
use crate::{
    Window,
    storage::{Batch, Decision, Hit, Renewal, StorageError, Verdict, decision::Windows},
};

/// The reply of a script to a batch.
#[derive(Debug)]
pub(super) struct ScriptReply {
    pub(super) verdict: Verdict,
    /// The reports on the guards, then those on the limits.
    pub(super) reports: RawReports,
}

type RawReports = SmallVec<[RawReport; 6]>;

/// Decodes the reply to a batch and returns its decision.
pub(super) fn decision(reply: &Value, batch: &Batch<'_>, call: &Call) -> Result<Decision, StorageError> {
    let reply = ScriptReply::decode(reply, call)?;
    let windows = reply.windows(batch, call.places(), false);
    check(Decision::from_windows(reply.verdict, batch.guards.len(), windows), batch)
}

/// Returns a decision whose refusal is one of its batch.
pub(super) fn check(decision: Decision, batch: &Batch<'_>) -> Result<Decision, StorageError> {
    if decision.is_explained_by(batch) { Ok(decision) } else { Err(error::unexpected_reply()) }
}

/// Decodes the reply to a call that renews leases: for each the instant in microseconds, or 0 if it has ended.
pub(super) fn renewals(reply: &Value, leases: usize) -> Result<Vec<Renewal>, StorageError> {
    let Value::BulkString(reply) = reply else { return Err(error::unexpected_reply()) };
    let renewal = |place: usize| match double(reply, place)? {
        0 => Some(Renewal::Ended),
        at => Some(Renewal::Renewed(at.saturating_mul(1000))),
    };
    let renewals: Option<Vec<_>> = (0..leases).map(renewal).collect();
    renewals.filter(|_| reply.len() == 8 * leases).ok_or_else(error::unexpected_reply)
}

impl ScriptReply {
    /// Decodes the reply to a call.
    pub(super) fn decode(reply: &Value, call: &Call) -> Result<Self, StorageError> {
        let Value::BulkString(reply) = reply else { return Err(error::unexpected_reply()) };
        let specialised =
            call.specialised_shape().and_then(|shape| Self::from_records(reply, shape, call.reports()));
        specialised.or_else(|| Self::from_reports(reply, call.reports())).ok_or_else(error::unexpected_reply)
    }

    /// Decodes the reply of `decide.lua`: the verdict, then 33 bytes for each hit.
    fn from_reports(reply: &[u8], hits: usize) -> Option<Self> {
        let (verdict, reports) = reply.split_first()?;
        let verdict = match verdict {
            b'0' => Verdict::Admitted,
            b'1' => Verdict::Refused,
            b'2' => Verdict::RefusedByGuard,
            _ => return None,
        };
        let (reports, rest) = reports.as_chunks::<33>();
        let reports = reports.iter().map(|[flags, numbers @ ..]| {
            let flags = flags.checked_sub(b'0').filter(|flags| *flags < 4)?;
            Some(RawReport {
                was_taken: flags & 1 == 1,
                is_moved: flags & 2 == 2,
                at: double(numbers, 0)?,
                record: record(numbers)?,
            })
        });
        let reports: RawReports = reports.collect::<Option<_>>()?;
        (rest.is_empty() && reports.len() == hits).then_some(Self { verdict, reports })
    }

    /// Decodes the reply of a specialised script: for each key its head, which begins with the time, and records, or
    /// the report of its moving window.
    ///
    /// A digit follows for each shadow limit, 1 if it was taken, or else `-` if the batch is refused, and `=` if a
    /// guard refused. Returns `None` for the reply of another script, whose length differs.
    fn from_records(reply: &[u8], shape: &BatchShape, hits: usize) -> Option<Self> {
        let (mut rest, end) = reply.split_at_checked(shape.reply_len())?;
        let verdict = match end {
            b"-" => Verdict::Refused,
            b"=" => Verdict::RefusedByGuard,
            _ => Verdict::Admitted,
        };
        let mut reports: RawReports = smallvec![RawReport::default(); hits];
        for key in shape.keys() {
            let at = double(rest, 0)?;
            rest = if shape.is_log(key) { rest } else { rest.get(16..)? };
            for (count, _) in shape.counts_of(key) {
                let (stored, records) = rest.split_at_checked(32)?;
                // Counts of hits on refusal are not reported.
                if let Some(report) = reports.get_mut(count) {
                    *report = RawReport { was_taken: false, is_moved: false, at, record: record(stored)? };
                }
                rest = records;
            }
        }
        if verdict == Verdict::Admitted {
            let mut shadows = end.iter();
            for (place, hit) in shape.limits() {
                reports.get_mut(place)?.was_taken = match hit.role {
                    HitRole::Shadow => match shadows.next()? {
                        b'0' => false,
                        b'1' => true,
                        _ => return None,
                    },
                    _ => true,
                };
            }
            if !shadows.as_slice().is_empty() {
                return None;
            }
        }
        Some(Self { verdict, reports })
    }

    /// Returns the windows of the guards and limits. `places` are equal for hits on one count.
    ///
    /// If it `is_undone`, the windows are as if nothing had been taken or moved.
    pub(super) fn windows(&self, batch: &Batch<'_>, places: &[usize], is_undone: bool) -> Windows {
        let guards = batch.guards.len();
        let (of_guards, of_limits) = self.reports.split_at(guards);
        let mut windows = Windows::with_capacity(self.reports.len());
        push_tests(batch.guards, &places[..guards], of_guards, &mut windows);
        let places = &places[guards..];
        match self.verdict {
            Verdict::Admitted if is_undone => {
                let places_of_limits = 0..batch.limits.len();
                windows.extend(places_of_limits.map(|at| undone(at, batch.limits, places, of_limits)));
            }
            Verdict::Admitted => {
                windows.extend(batch.limits.iter().zip(of_limits).map(|(hit, report)| after(hit, report)));
            }
            Verdict::Refused if is_undone => {
                let unmoved = of_limits.iter().map(|report| RawReport { is_moved: false, ..*report });
                push_tests(batch.limits, places, &unmoved.collect::<RawReports>(), &mut windows);
            }
            Verdict::Refused | Verdict::RefusedByGuard => {
                push_tests(batch.limits, places, of_limits, &mut windows);
            }
        }
        windows
    }
}

/// Adds the windows of tests of hits, each with the cost of earlier hits on the same count.
fn push_tests(hits: &[Hit<'_>], places: &[usize], reports: &[RawReport], windows: &mut Windows) {
    let first = windows.len();
    for (index, hit) in hits.iter().enumerate() {
        let earlier = (0..index).filter(|earlier| places[*earlier] == places[index]);
        // A shadow hit that is refused takes nothing.
        let takes = earlier.filter(|earlier| windows[first + earlier].is_allowed() || !hits[*earlier].shadow);
        let cost = takes.fold(hit.cost, |sum, earlier| sum.saturating_add(hits[earlier].cost));
        windows.push(reports[index].window(hit.policy, cost));
    }
}

/// Returns the window of a hit of an admitted batch: after the hit, or at its refusal as a shadow.
fn after(hit: &Hit<'_>, report: &RawReport) -> Window {
    report.window(hit.policy, if report.was_taken { 0 } else { hit.cost })
}

/// Returns the window of a hit of an admitted batch as if the batch had taken nothing.
///
/// It is that of a test with the cost of earlier hits on the same count.
fn undone(at: usize, hits: &[Hit<'_>], places: &[usize], reports: &[RawReport]) -> Window {
    let (hit, report) = (&hits[at], &reports[at]);
    let earlier = (0..at).filter(|other| places[*other] == places[at] && reports[*other].was_taken);
    let earlier = earlier.fold(0_u64, |sum, other| sum.saturating_add(hits[other].cost));
    let cost = earlier.saturating_add(hit.cost);
    let taken = if report.was_taken { cost } else { earlier };
    report.window_without(hit.policy, cost, taken)
}

/// Decodes the last three of four doubles.
fn record(doubles: &[u8]) -> Option<[u64; 3]> {
    Some([double(doubles, 1)?, double(doubles, 2)?, double(doubles, 3)?])
}

/// Decodes a whole number that is encoded as a double, by its place.
fn double(doubles: &[u8], place: usize) -> Option<u64> {
    let number = f64::from_le_bytes(*doubles.as_chunks().0.get(place)?);
    // Two windows of 100 years from 2255 on.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within these bounds")]
    (0.0..1.8e16).contains(&number).then_some(number as u64)
}
