//! `limiter suggest`: quotas that would have touched at most a given share of clients.

mod peaks;
mod print;
mod quotas;

use limiter_actix::Key;
use serde::Serialize;

use self::{
    peaks::{Peaks, WINDOWS},
    quotas::Distribution,
};
use crate::{
    args::Suggest,
    clients::Clients,
    outcome::{Failure, Outcome},
    output::Output,
    reading::{Reader, Reading},
};

/// The result, as JSON shows it.
#[derive(Serialize)]
struct SuggestReport {
    version: u32,
    command: &'static str,
    #[serde(rename = "log")]
    reading: Reading,
    strategy: &'static str,
    /// The share of clients that may be touched, in percent.
    share: f64,
    clients: ClientCount,
    windows: Vec<WindowRow>,
    /// The limits that hold together. `None` if the log has no client, or is too short.
    together: Option<Together>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct ClientCount {
    /// Estimated if not all are in the sample.
    total: u64,
    sampled: u64,
    /// `true` if the sample has all clients.
    exact: bool,
}

/// The busiest windows of one length, and the quota for it alone.
#[derive(Serialize)]
struct WindowRow {
    window: &'static str,
    distribution: Distribution,
    quota: String,
    /// The clients of the sample that the quota touches.
    touched: u64,
}

#[derive(Serialize)]
struct Together {
    limits: String,
    touched: u64,
}

pub(crate) fn run(arguments: &Suggest, output: &mut Output) -> Result<Outcome, Failure> {
    let mut clients: Clients<Peaks> = Clients::default();
    let policies = peaks::policies(arguments.strategy);
    let prefix = arguments.path.as_deref().unwrap_or("");
    let reader = Reader::new(&arguments.logs, false);
    let reading = reader.read(|entry| {
        if entry.uri.path().starts_with(prefix) {
            let client = Key::address(entry.client, Key::IPV6_PREFIX);
            if let Some(peaks) = clients.value_of(&client, || Peaks::new(&policies)) {
                peaks.add(&policies, entry.at);
            }
        }
    })?;
    let report = SuggestReport::new(arguments, reading, &clients);
    if arguments.json {
        output.json(&report)?;
    } else {
        print::print(&report, output)?;
    }
    Ok(if report.clients.sampled > 0 { Outcome::Good } else { Outcome::Problems })
}

impl SuggestReport {
    fn new(arguments: &Suggest, reading: Reading, clients: &Clients<Peaks>) -> Self {
        let peaks: Vec<[u64; WINDOWS.len()]> = clients.values().map(Peaks::all).collect();
        let allowed = quotas::allowed(arguments.share, peaks.len());
        let row = |(number, window): (usize, &peaks::Length)| {
            let sorted = quotas::sorted(&peaks, number);
            let quota = quotas::quota(&sorted, allowed);
            WindowRow {
                window: window.name,
                distribution: Distribution::of(&sorted),
                quota: window.quota(quota),
                touched: sorted.iter().filter(|peak| **peak > quota).count() as u64,
            }
        };
        let windows =
            if peaks.is_empty() { Vec::new() } else { WINDOWS.iter().enumerate().map(row).collect() };
        Self {
            version: 1,
            command: "suggest",
            strategy: arguments.strategy.name(),
            share: arguments.share,
            clients: ClientCount {
                total: clients.total(),
                sampled: clients.len(),
                exact: clients.is_exact(),
            },
            windows,
            together: together(&peaks, allowed, reading.seconds),
            notes: notes(&reading, clients),
            reading,
        }
    }
}

/// Returns limits by the windows that the log covers, which together touch no more clients than allowed.
fn together(peaks: &[[u64; WINDOWS.len()]], allowed: usize, seconds: u64) -> Option<Together> {
    let is_covered = |number: &usize| WINDOWS[*number].seconds > 1 && WINDOWS[*number].seconds <= seconds;
    let windows: Vec<usize> = (0..WINDOWS.len()).filter(is_covered).collect();
    if windows.is_empty() || peaks.is_empty() {
        return None;
    }
    let (quotas, touched) = quotas::together(peaks, &windows, allowed);
    let limits = windows.iter().zip(quotas).map(|(number, quota)| WINDOWS[*number].quota(quota));
    Some(Together { limits: limits.collect::<Vec<_>>().join("; "), touched })
}

/// Returns what a reader must know to judge the figures.
fn notes(reading: &Reading, clients: &Clients<Peaks>) -> Vec<String> {
    let mut notes = Vec::new();
    let longer = WINDOWS.iter().filter(|window| window.seconds > reading.seconds.max(1));
    let longer: Vec<_> = longer.map(|window| window.name).collect();
    if !longer.is_empty() && reading.requests > 0 {
        notes.push(format!(
            "The log is shorter than a window of a {}, so its figures are too low.",
            longer.join(" or ")
        ));
    }
    if !clients.is_exact() {
        notes.push(format!(
            "There are too many clients to keep all. The figures come from a random sample of {}.",
            clients.len()
        ));
    }
    notes
}
