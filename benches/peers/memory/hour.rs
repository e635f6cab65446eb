//! How memory grows and decays: an hour of traffic from ever new clients, then an hour of nearly none.

use std::time::Duration;

use limiter_peers::Report;

use crate::{
    ask,
    resident::bytes,
    store::{GOVERNOR, GOVERNOR_TIDIED, OURS, store},
};

pub const TABLE: &str = "hour";

/// As much room as ours has unless told otherwise.
const ROOM: usize = 1_000_000;
/// New clients a second while there is traffic, and afterwards. Each comes twice.
const BUSY: u32 = 2000;
const QUIET: u32 = 20;
/// After how many seconds a client comes again.
const AGAIN: u64 = 10;
const HOUR: u64 = 3600;
const FIVE_MINUTES: u64 = 300;

/// Prints the clients held and the resident megabytes every five minutes.
pub fn measure(side: &str) {
    let before = bytes();
    let store = store(side, ROOM);
    for second in 0..2 * HOUR {
        let now = Duration::from_secs(second);
        let comes = |second: u64| first(second)..first(second + 1);
        let again = second.checked_sub(AGAIN).map(comes).unwrap_or_default();
        for client in comes(second).chain(again) {
            assert!(store.hit(client, now), "{side} refuses");
        }
        if (second + 1).is_multiple_of(60) {
            store.tidy();
        }
        if (second + 1).is_multiple_of(FIVE_MINUTES) {
            println!("{} {}", store.len(), bytes().saturating_sub(before) / 1_000_000);
        }
    }
}

/// The first client of a second.
fn first(second: u64) -> u32 {
    let short = |seconds: u64| u32::try_from(seconds).expect("it is two hours");
    BUSY * short(second.min(HOUR)) + QUIET * short(second.saturating_sub(HOUR))
}

pub fn tell(report: &mut Report) {
    let sides = [OURS, GOVERNOR, GOVERNOR_TIDIED];
    let texts = sides.map(|side| ask(TABLE, side).finish());
    report.say("## Two hours");
    report.say(format!(
        "For an hour {BUSY} new clients come each second and once more {AGAIN} s later, under ten a minute each, so \
         that {} clients are within their minute; from then on it is {QUIET} new clients a second. The time is told, \
         not waited for. How many clients are held, and resident megabytes for them. governor keeps all clients \
         unless it is tidied: here by `retain_recent` and `shrink_to_fit` each minute, right before each look.",
        BUSY * 60
    ));
    let columns: Vec<String> =
        sides.iter().flat_map(|side| [format!("{side}: clients"), format!("{side}: MB")]).collect();
    let mut columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    columns.insert(0, "minute");
    let mut lines = texts.each_ref().map(|text| text.lines());
    let rows = (1..=2 * HOUR / FIVE_MINUTES).map(|row| {
        let cells = lines.iter_mut().flat_map(|lines| lines.next().expect("a line for each row").split(' '));
        std::iter::once((row * FIVE_MINUTES / 60).to_string()).chain(cells.map(String::from)).collect()
    });
    report.table(&columns, rows.collect::<Vec<_>>());
}
