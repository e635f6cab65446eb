//! What clients take of memory, what becomes of it in an hour of traffic, and what the longest decision takes.
//!
//! Each measurement is a process of its own, so that none begins with what another one has left.

use limiter_peers::{Child, Report, end_with_parent, role, rounds, version};

#[path = "memory/hour.rs"]
mod hour;
#[path = "memory/longest.rs"]
mod longest;
#[path = "memory/resident.rs"]
mod resident;
#[path = "memory/store.rs"]
mod store;

fn main() {
    if let Some(role) = role() {
        end_with_parent();
        let (table, side) = role.split_once(';').expect("a role has two parts");
        match table {
            resident::TABLE => resident::measure(side),
            hour::TABLE => hour::measure(side),
            longest::TABLE => longest::measure(side),
            _ => panic!("there is no table {table}"),
        }
        return;
    }
    let mut report = Report::new("memory");
    report.say(format!(
        "governor {}, quota {}, actix-extensible-rate-limit {}, dashmap {}.",
        version("governor"),
        version("quota"),
        version("actix-extensible-rate-limit"),
        version("dashmap"),
    ));
    resident::tell(&mut report, rounds(3));
    hour::tell(&mut report);
    longest::tell(&mut report, rounds(3));
    report.finish();
}

/// Starts the process that measures a side; what it prints is numbers.
fn ask(table: &str, side: impl std::fmt::Display) -> Child {
    Child::start(&format!("{table};{side}"))
}
