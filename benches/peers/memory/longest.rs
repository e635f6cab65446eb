//! The longest single decision while five million clients are held, and others come as these expire.

use std::time::Duration;

use limiter_peers::{Figures, Report, thread_nanos};

use crate::{
    ask,
    store::{FLOOR, GOVERNOR, OURS, store},
};

pub const TABLE: &str = "longest";

const CLIENTS: u32 = 5_000_000;

/// So that five million come in a minute, the window.
const BETWEEN: Duration = Duration::from_micros(12);

/// Prints the nanoseconds of the longest decision while the first five million come, and while the next ones do.
pub fn measure(side: &str) {
    let room = usize::try_from(CLIENTS).expect("it fits") * 6 / 5;
    let store = store(side, room);
    for clients in [0..CLIENTS, CLIENTS..2 * CLIENTS] {
        let mut longest = 0;
        let mut last = thread_nanos();
        for client in clients {
            assert!(store.hit(client, BETWEEN * client), "{side} refuses");
            let time = thread_nanos();
            longest = longest.max(time - last);
            last = time;
        }
        println!("{longest}");
    }
}

pub fn tell(report: &mut Report, rounds: usize) {
    let sides = [OURS, GOVERNOR, FLOOR];
    let mut figures =
        Figures::new(["us, the first 5 M", "us, the next 5 M"], sides.into_iter().map(String::from));
    for _ in 0..rounds {
        for (number, side) in sides.into_iter().enumerate() {
            for (column, nanos) in ask(TABLE, side).finish().lines().enumerate() {
                figures.push(number, column, nanos.parse::<f64>().expect("nanoseconds") / 1000.0);
            }
        }
    }
    report.say("## The longest decision");
    report.say(format!(
        "Thread CPU time of the longest of five million decisions about new clients, one each 12 us of told time, \
         under ten a minute each: while the first five million come, and while as many more come and those expire. \
         The least of {rounds} processes: an interrupt is charged to whom it interrupts, and what is slow by itself \
         is slow each time. governor and the map forget nobody."
    ));
    report.table_of("", &figures, |side, column| {
        let least = figures.rounds(side, column).iter().copied().fold(f64::INFINITY, f64::min);
        format!("{least:.0}")
    });
    report.rounds(TABLE, &figures);
}
