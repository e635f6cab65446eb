//! Resident bytes for each of a million clients.

use std::fs;

use limiter_peers::{
    Figures, Report,
    sides::{Maker, PLENTY, Setting, Side, makers},
};
use rustix::param::page_size;

use crate::ask;

pub const TABLE: &str = "resident";

const CLIENTS: u32 = 1_000_000;

/// Prints the bytes a client takes.
pub fn measure(side: &str) {
    let number: usize = side.parse().expect("a side has a number");
    let maker = makers().nth(number).expect("there is such a side");
    let before = bytes();
    let side = maker(Setting { amount: PLENTY, clients: CLIENTS });
    assert!((0..CLIENTS).all(|client| side.decide(client)), "{} refuses", side.name);
    println!("{}", (bytes() - before) / u64::from(CLIENTS));
}

pub fn tell(report: &mut Report, rounds: usize) {
    let named = |(number, maker): (usize, Maker)| (number, maker(Setting { amount: PLENTY, clients: 1 }));
    let sides: Vec<(usize, Side)> =
        makers().enumerate().map(named).filter(|(_, side)| side.keeps_keys).collect();
    let mut figures = Figures::new(["bytes a client"], sides.iter().map(|(_, side)| side.name.clone()));
    for _ in 0..rounds {
        for (place, (number, _)) in sides.iter().enumerate() {
            figures.push(place, 0, ask(TABLE, number).finish().trim().parse().expect("a number of bytes"));
        }
    }
    report.say("## A million clients");
    report.say(format!(
        "Resident bytes (`/proc/self/statm`) a client after a hit of each of a million: medians of {rounds} processes."
    ));
    report.table_of("", &figures, |side, column| format!("{:.0}", figures.median(side, column)));
    report.configurations(sides.iter().map(|(_, side)| (side.name.as_str(), side.configuration)));
    report.rounds(TABLE, &figures);
}

/// What of this process is resident.
pub fn bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages * u64::try_from(page_size()).expect("a page is small")
}
