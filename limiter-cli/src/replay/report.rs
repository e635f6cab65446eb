//! The result of a replay, as JSON shows it.

use std::{cmp::Reverse, time::Duration};

use limiter_actix::{FileOutline, Timestamp};
use serde::Serialize;

use super::{
    tally::{Counts, LimitCounts, Tally},
    timeline::Timeline,
};
use crate::{args::Replay, output::harmless, reading::Reading, time};

#[derive(Serialize)]
pub(super) struct ReplayReport {
    version: u32,
    command: &'static str,
    pub(super) settings: String,
    #[serde(rename = "log")]
    pub(super) reading: Reading,
    pub(super) refused: u64,
    pub(super) clients: ClientShare,
    pub(super) limits: Vec<LimitRow>,
    pub(super) routes: Vec<RouteRow>,
    pub(super) refusals: Vec<RefusalRow>,
    pub(super) refused_clients: RefusedClients,
    pub(super) timeline: TimelineRows,
    pub(super) notes: Vec<String>,
}

/// The clients, by their addresses, and those that were refused at least once.
#[derive(Serialize)]
pub(super) struct ClientShare {
    /// Estimated if not all are in the sample.
    pub(super) total: u64,
    /// Those that were looked at.
    pub(super) sampled: u64,
    /// Those of the sample that were refused.
    pub(super) refused: u64,
    /// `true` if the sample has all clients.
    pub(super) exact: bool,
}

#[derive(Serialize)]
pub(super) struct LimitRow {
    pub(super) level: &'static str,
    pub(super) limit: String,
    pub(super) refused: u64,
    pub(super) shadow: u64,
    /// The clients of the sample that it refused.
    pub(super) clients: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct RouteRow {
    /// `None` for unmatched paths.
    pub(super) route: Option<String>,
    pub(super) requests: u64,
    pub(super) refused: u64,
}

#[derive(Serialize)]
pub(super) struct RefusalRow {
    pub(super) route: Option<String>,
    pub(super) level: &'static str,
    pub(super) limit: String,
    pub(super) refused: u64,
}

#[derive(Serialize)]
pub(super) struct RefusedClients {
    /// Counts may be too low by this number.
    pub(super) error: u64,
    pub(super) top: Vec<ClientRow>,
}

#[derive(Serialize)]
pub(super) struct ClientRow {
    pub(super) client: String,
    pub(super) refused: u64,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) level: &'static str,
    /// The limit that refused it last.
    pub(super) limit: String,
    pub(super) longest_wait_seconds: u64,
}

#[derive(Serialize)]
pub(super) struct TimelineRows {
    pub(super) interval_seconds: u64,
    pub(super) intervals: Vec<Interval>,
}

#[derive(Serialize)]
pub(super) struct Interval {
    pub(super) at: String,
    pub(super) admitted: u64,
    pub(super) refused: u64,
}

impl ReplayReport {
    pub(super) fn new(
        arguments: &Replay,
        outline: &FileOutline,
        names: &[String],
        reading: Reading,
        tally: &mut Tally,
        evictions: u64,
    ) -> Self {
        let timeline = timeline(&mut tally.timeline);
        let tally = &*tally;
        let name = |route: usize| names.get(route).map(|name| harmless(name));
        let top = arguments.top.get();
        Self {
            version: 1,
            command: "replay",
            settings: arguments.settings.display().to_string(),
            refused: tally.all.refused,
            clients: clients(tally),
            limits: limits(tally),
            routes: route_rows(tally, &name),
            refusals: refusals(tally, &name),
            refused_clients: refused_clients(tally, top),
            timeline,
            notes: notes(outline, tally, evictions),
            reading,
        }
    }

    /// Returns the share of refused requests in percent.
    // Far more digits than matter.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn refused_percent(&self) -> f64 {
        if self.reading.requests == 0 {
            0.0
        } else {
            self.refused as f64 * 100.0 / self.reading.requests as f64
        }
    }
}

fn clients(tally: &Tally) -> ClientShare {
    ClientShare {
        total: tally.clients.total(),
        sampled: tally.clients.len(),
        refused: tally.clients.values().filter(|client| client.refused > 0).count() as u64,
        exact: tally.clients.is_exact(),
    }
}

fn limits(tally: &Tally) -> Vec<LimitRow> {
    let row = |(number, limit): (usize, &LimitCounts)| LimitRow {
        level: limit.level,
        limit: harmless(&limit.text),
        refused: limit.refused,
        shadow: limit.shadow,
        clients: tally.clients_refused_by(number),
    };
    let mut rows: Vec<_> = tally.limits.iter().enumerate().map(row).collect();
    rows.sort_by_key(|row| Reverse((row.refused, row.shadow)));
    rows
}

fn route_rows(tally: &Tally, name: &dyn Fn(usize) -> Option<String>) -> Vec<RouteRow> {
    let row = |(number, counts): (usize, &Counts)| RouteRow {
        route: name(number),
        requests: counts.requests,
        refused: counts.refused,
    };
    let mut rows: Vec<_> = tally.routes.iter().enumerate().map(row).filter(|row| row.requests > 0).collect();
    rows.sort_by_key(|row| Reverse((row.refused, row.requests)));
    rows
}

fn refusals(tally: &Tally, name: &dyn Fn(usize) -> Option<String>) -> Vec<RefusalRow> {
    let mut cells: Vec<_> = tally.refusals.iter().collect();
    cells.sort_by_key(|(place, refused)| (Reverse(**refused), **place));
    let row = |((route, limit), refused): (&(usize, usize), &u64)| RefusalRow {
        route: name(*route),
        level: tally.limits[*limit].level,
        limit: harmless(&tally.limits[*limit].text),
        refused: *refused,
    };
    cells.into_iter().map(row).collect()
}

fn refused_clients(tally: &Tally, top: usize) -> RefusedClients {
    let top = tally.refused_keys.top(top).into_iter().map(|(key, refused, refusal)| ClientRow {
        client: harmless(&format!("{key:?}")),
        refused,
        first: time::shown(refusal.first),
        last: time::shown(refusal.last),
        level: tally.limits[refusal.limit].level,
        limit: harmless(&tally.limits[refusal.limit].text),
        longest_wait_seconds: seconds(refusal.longest_wait),
    });
    RefusedClients { error: tally.refused_keys.error(), top: top.collect() }
}

/// Returns a wait in whole seconds, rounded up.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn timeline(timeline: &mut Timeline) -> TimelineRows {
    let (interval_seconds, intervals) = timeline.finish();
    let interval =
        |(at, admitted, refused): (Timestamp, u64, u64)| Interval { at: time::shown(at), admitted, refused };
    TimelineRows { interval_seconds, intervals: intervals.into_iter().map(interval).collect() }
}

/// Returns what a reader must know to judge the figures.
fn notes(outline: &FileOutline, tally: &Tally, evictions: u64) -> Vec<String> {
    let mut notes = Vec::new();
    if !outline.is_enabled() {
        notes.push("The settings file switches the limiter off, so nothing is refused.".to_owned());
    }
    let has_default = outline.limits().iter().any(|limit| limit.level() == "default");
    let unmatched = tally.routes.last().map_or(0, |counts| counts.requests);
    if has_default && unmatched > 0 {
        notes.push(format!(
            "{unmatched} requests match no known route, so default limits count them together. Name the routes of the \
             app with --route or --routes, or try --guess-routes."
        ));
    }
    if outline.reads_requests() {
        notes.push(
            "The settings count by more than the client's address. Where the log lacks that header or cookie, the \
             address counts instead."
                .to_owned(),
        );
    }
    if evictions > 0 {
        notes.push(format!(
            "{evictions} counts left the memory while they were of use, so some clients were refused too late. Raise \
             --max-counts."
        ));
    }
    if !tally.clients.is_exact() {
        notes.push(format!(
            "There are too many clients to keep all. Figures of clients come from a random sample of {}.",
            tally.clients.len()
        ));
    }
    notes
}
