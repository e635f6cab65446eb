//! What a request costs a server in CPU time, by the kernel's accounting, beside peers in the same run.
//!
//! Each side is a server in a process of its own with one worker on one processor, which a client on another one
//! asks over some connections. The sides take turns; printed are medians of microseconds a request, and what they
//! are above the bare server of the same routes in the same round.

use limiter_peers::{Child, Figures, Report, end_with_parent, pin, processors, role, rounds, version};

#[path = "http/load.rs"]
mod load;
#[path = "http/serve.rs"]
mod serve;
#[path = "http/side.rs"]
mod side;

use self::{
    load::Load,
    side::{Side, Traffic, sides},
};

const ROUNDS: usize = 51;

/// How often each side is asked before the first round, so that what it remembers of paths is as it stays.
const BEFORE: usize = 4_000;

fn main() {
    let [first, .., last] = processors()[..] else { panic!("it takes two processors") };
    if let Some(role) = role() {
        end_with_parent();
        pin(last);
        serve::serve(&role).expect("it can be served");
        return;
    }
    let rounds = rounds(ROUNDS);
    let sides = sides();
    // The servers first, so that they do not inherit this processor.
    let servers: Vec<Child> = sides.iter().map(|side| Child::start(&side.role())).collect();
    pin(first);
    let mut loads: Vec<Load> =
        servers.into_iter().zip(&sides).map(|(server, side)| Load::new(server, side)).collect();
    for load in &mut loads {
        load.micros_a_request(BEFORE);
    }
    let mut figures = Figures::new(["us a request"], sides.iter().map(Side::name));
    for _ in 0..rounds {
        for (side, load) in loads.iter_mut().enumerate() {
            figures.push(side, 0, load.micros_a_request(sides[side].requests()));
        }
    }
    tell(&figures, &sides, rounds);
}

fn tell(figures: &Figures<1>, sides: &[Side], rounds: usize) {
    let mut report = Report::new("http");
    report.say(format!(
        "Microseconds of CPU time a request takes the server: medians of {rounds} rounds of {} to {} requests, and \
         of what they are above the bare server of the same routes and requests in the same round. actix-web {}, \
         actix-governor {}, actix-extensible-rate-limit {}.",
        sides.iter().map(Side::requests).min().unwrap_or(0),
        sides.iter().map(Side::requests).max().unwrap_or(0),
        version("actix-web"),
        version("actix-governor"),
        version("actix-extensible-rate-limit"),
    ));
    let row = |(side, name): (usize, &str)| {
        let bare = figures.side(&sides[side].bare().name());
        let addition = figures.addition(side, bare, 0);
        let addition = if side == bare { "-".into() } else { format!("{addition:+.2}") };
        vec![name.to_owned(), format!("{:.2}", figures.median(side, 0)), addition]
    };
    report.table(&["", "us a request", "over bare"], figures.sides().map(row));
    let of_one_route = figures.sides().filter(|(side, _)| sides[*side].traffic == Traffic::Hello);
    report.configurations(of_one_route.map(|(side, name)| (name, sides[side].configuration())));
    report.rounds("http", figures);
    report.finish();
}
