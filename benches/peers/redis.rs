//! What decisions on a Redis server cost, beside a bare `INCR` and peers in the same run, on a server that it starts
//! itself (`redis-server`, or what `REDIS_SERVER` names).
//!
//! Prints medians of several rounds, the sides taking turns so that a noisy machine is noisy to all of them. Compare
//! the ratios, not the figures.

use std::time::Instant;

use futures_util::future::join_all;
use limiter_peers::{Figures, Report, rounds, version};
use redis::aio::MultiplexedConnection;

#[path = "redis/server.rs"]
mod server;
#[path = "redis/side.rs"]
mod side;

use self::{
    server::Server,
    side::{CLIENTS, Side, sides},
};

const ROUNDS: usize = 15;
const ONE_AT_A_TIME: usize = 300;
const IN_FLIGHT: usize = 64;
const EACH: usize = 20;

const COLUMNS: [&str; 3] = ["latency, us", "server, us", "64 in flight, a second"];

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it builds");
    runtime.block_on(run(rounds(ROUNDS)));
}

async fn run(rounds: usize) {
    let server = Server::start();
    let mut admin = server.connect().await;
    let sides = sides(&server).await;
    let mut figures = Figures::new(COLUMNS, sides.iter().map(|side| side.name.clone()));
    for _ in 0..rounds {
        for (number, side) in sides.iter().enumerate() {
            // What it does but once, such as to connect.
            side.decide(0).await;
            reset_statistics(&mut admin).await;
            figures.push(number, 0, one_at_a_time(side).await);
            figures.push(number, 1, server_micros(&mut admin, side.commands).await);
            figures.push(number, 2, many_at_once(side).await);
        }
    }
    let info: String = redis::cmd("INFO").arg("server").query_async(&mut admin).await.expect("it tells");
    let server = info.lines().find_map(|line| line.strip_prefix("redis_version:")).unwrap_or("unknown");
    tell(&figures, &sides, rounds, server);
}

fn tell(figures: &Figures<3>, sides: &[Side], rounds: usize, server: &str) {
    let mut report = Report::new("redis");
    report.say(format!(
        "Medians of {rounds} rounds on a server of version {server}, {CLIENTS} clients taking turns. \
         actix-extensible-rate-limit {}, actix-limitation {}.",
        version("actix-extensible-rate-limit"),
        version("actix-limitation"),
    ));
    let row = |(side, name): (usize, &str)| {
        let [latency, on_server, in_flight] = [0, 1, 2].map(|column| figures.median(side, column));
        let times = figures.ratio(side, 0, 0);
        let each = [
            format!("{latency:.1}"),
            format!("{times:.2}"),
            format!("{on_server:.1}"),
            format!("{:.0}", 1e6 / latency),
            format!("{in_flight:.0}"),
        ];
        std::iter::once(name.to_owned()).chain(each).collect()
    };
    let columns =
        ["", "latency, us", "of INCR", "server, us", "one at a time, a second", "64 in flight, a second"];
    report.table(&columns, figures.sides().map(row));
    report.configurations(sides.iter().map(|side| (side.name.as_str(), side.configuration)));
    report.rounds("redis", figures);
    report.finish();
}

/// Microseconds from question to answer.
async fn one_at_a_time(side: &Side) -> f64 {
    let start = Instant::now();
    for step in 0..ONE_AT_A_TIME {
        side.decide(step).await;
    }
    per(start.elapsed().as_secs_f64() * 1e6, ONE_AT_A_TIME)
}

/// Decisions a second.
async fn many_at_once(side: &Side) -> f64 {
    let start = Instant::now();
    join_all((0..IN_FLIGHT).map(async |client| {
        for _ in 0..EACH {
            side.decide(client).await;
        }
    }))
    .await;
    1.0 / per(start.elapsed().as_secs_f64(), IN_FLIGHT * EACH)
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand fit")]
fn per(sum: f64, parts: usize) -> f64 {
    sum / parts as f64
}

async fn reset_statistics(admin: &mut MultiplexedConnection) {
    let () = redis::cmd("CONFIG").arg("RESETSTAT").query_async(admin).await.expect("it resets");
}

/// Microseconds that the server spent on a decision since the reset.
async fn server_micros(admin: &mut MultiplexedConnection, commands: &[&str]) -> f64 {
    let text: String = redis::cmd("INFO").arg("commandstats").query_async(admin).await.expect("it tells");
    let micros = |command: &&str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
        let used = line.and_then(|line| line.split(',').find_map(|part| part.strip_prefix("usec=")));
        used.map_or(0.0, |used| used.parse().expect("a number"))
    };
    per(commands.iter().map(micros).sum(), ONE_AT_A_TIME)
}
