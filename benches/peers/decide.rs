//! What one decision costs in thread CPU time, beside peers measured in the same run.
//!
//! Prints nanoseconds a decision: the median of several rounds, the sides taking turns so that a noisy machine
//! is noisy to all of them. Compare the ratios, not the figures.

use std::{hint::black_box, sync::Barrier, thread};

use limiter_peers::{
    Figures, Report, rounds,
    sides::{GOVERNOR, ONE_LIMIT, PLENTY, Setting, Side, sides},
    thread_nanos, version,
};

const ROUNDS: usize = 15;
const DECISIONS: u32 = 200_000;
const MANY: u32 = 100_000;
const MILLION: u32 = 1_000_000;

const COLUMNS: [&str; 6] =
    ["one client", "100 k clients", "1 M clients", "refused", "one client, 2 threads", "100 k, 2 threads"];

/// The clients whom a thread asks about at its steps.
type Clients = fn(u32) -> u32;

/// The same sides, each with other clients.
struct Filled {
    many: Vec<Side>,
    million: Vec<Side>,
    spent: Vec<Side>,
}

fn main() {
    let rounds = rounds(ROUNDS);
    let filled = Filled::new();
    let names = filled.many.iter().map(|side| side.name.clone());
    let mut figures = Figures::new(COLUMNS, names);
    for round in 0..rounds {
        let first = u32::try_from(round).expect("there are few rounds") * DECISIONS;
        for side in 0..filled.many.len() {
            filled.measure(side, first, |column, figure| figures.push(side, column, figure));
        }
    }
    tell(&figures, &filled.many, rounds);
}

fn tell(figures: &Figures<6>, sides: &[Side], rounds: usize) {
    let mut report = Report::new("decide");
    report.say(format!(
        "Nanoseconds of thread CPU time a decision: medians of {rounds} rounds of {DECISIONS} decisions. \
         governor {}, quota {}, actix-extensible-rate-limit {}, pingora-limits {}, dashmap {}.",
        version("governor"),
        version("quota"),
        version("actix-extensible-rate-limit"),
        version("pingora-limits"),
        version("dashmap"),
    ));
    report.table_of("", figures, |side, column| format!("{:.0}", figures.median(side, column)));
    for base in [GOVERNOR, ONE_LIMIT] {
        let corner = format!("of {base}");
        let base = figures.side(base);
        report.table_of(&corner, figures, |side, column| format!("{:.2}", figures.ratio(side, base, column)));
    }
    report.configurations(sides.iter().map(|side| (side.name.as_str(), side.configuration)));
    report.rounds("ns a decision", figures);
    report.finish();
}

impl Filled {
    /// All clients are known before the first round, so that it is like the others.
    fn new() -> Self {
        let admitting = |clients| {
            let sides = sides(Setting { amount: PLENTY, clients });
            for side in &sides {
                assert!((0..clients).all(|client| side.decide(client)), "{} refuses", side.name);
            }
            sides
        };
        let spent = sides(Setting { amount: 1, clients: MANY });
        assert!(spent.iter().all(|side| side.decide(one(0))));
        Self { many: admitting(MANY), million: admitting(MILLION), spent }
    }

    fn measure(&self, side: usize, first: u32, mut push: impl FnMut(usize, f64)) {
        let many = &self.many[side];
        let hot: Clients = if many.keeps_hits { one_for_a_while } else { one };
        push(0, time(many, hot, first, true));
        push(1, time(many, spread::<MANY>, first, true));
        push(2, time(&self.million[side], spread::<MILLION>, first, true));
        push(3, time(&self.spent[side], one, first, false));
        push(4, in_two_threads(many, [hot, hot], first));
        push(5, in_two_threads(many, [spread::<MANY>, spread_otherwise::<MANY>], first));
    }
}

fn one(_: u32) -> u32 {
    7
}

/// Another one after 2000 steps: of its hits, one column brings 2000 and one 4000.
fn one_for_a_while(step: u32) -> u32 {
    2 * MILLION + step / 2000
}

/// Visits all clients in an order that caches do not foresee.
fn spread<const CLIENTS: u32>(step: u32) -> u32 {
    step.wrapping_mul(2_654_435_761) % CLIENTS
}

/// Visits them in another order, so that two threads do not follow each other.
fn spread_otherwise<const CLIENTS: u32>(step: u32) -> u32 {
    step.wrapping_mul(2_246_822_519) % CLIENTS
}

fn time(side: &Side, clients: Clients, first: u32, admits: bool) -> f64 {
    let mut expected = 0;
    let start = thread_nanos();
    for step in first..first + DECISIONS {
        expected += u32::from(side.decide(black_box(clients(step))) == admits);
    }
    let nanos = thread_nanos() - start;
    assert_eq!(expected, DECISIONS, "{} decides wrongly", side.name);
    #[expect(clippy::cast_precision_loss, reason = "a few seconds of nanoseconds fit")]
    let nanos = nanos as f64;
    nanos / f64::from(DECISIONS)
}

fn in_two_threads(side: &Side, clients: [Clients; 2], first: u32) -> f64 {
    let start = &Barrier::new(2);
    thread::scope(|scope| {
        let threads = clients.map(|clients| {
            scope.spawn(move || {
                start.wait();
                time(side, clients, first, true)
            })
        });
        threads.map(|thread| thread.join().expect("no side panics")).iter().sum::<f64>() / 2.0
    })
}
