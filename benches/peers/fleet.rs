//! Processes that share one hot count on Redis, with and without leases: what they call, wait for and admit.
//!
//! Three of them, with a millisecond on the way to the server and back, are the fleet that `cargo xtask simulate` begins
//! with.

use std::collections::BTreeMap;

use limiter_peers::{Child, Report, end_with_parent, role};
use tokio::runtime::{Builder, Runtime};

#[path = "fleet/process.rs"]
mod process;
#[path = "redis/server.rs"]
mod server;

use self::{process::Orders, server::Server};

/// Seconds, and so windows. The first and the last are not counted.
const SECONDS: u64 = 102;

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    if let Some(role) = role() {
        end_with_parent();
        runtime.block_on(process::run(&Orders::parse(&role)));
        return;
    }
    // A run of tests checks that it works.
    let seconds = if std::env::args().any(|arg| arg == "--test") { 4 } else { SECONDS };
    let mut report = Report::new("fleet");
    report.say(format!(
        "Processes that share one limit of 20 000 a second on a Redis server, over {} windows.",
        seconds - 2
    ));
    let orders = |processes, demand, delay_ms, has_leases| Orders {
        uri: String::new(),
        processes,
        demand,
        delay_ms,
        has_leases,
        seconds,
    };
    let fleets = [
        orders(8, 18_000, 0, false),
        orders(8, 18_000, 0, true),
        orders(8, 22_000, 0, true),
        orders(3, 18_000, 1, true),
    ];
    let columns = ["", "decisions a call", "p50, us", "p99, us", "usable", "most in a window"];
    report.table(&columns, fleets.map(|orders| measure(orders, &runtime)));
    report.finish();
}

/// Starts the processes of a fleet; returns its row.
fn measure(mut orders: Orders, runtime: &Runtime) -> Vec<String> {
    let server = Server::start();
    orders.uri.clone_from(&server.uri);
    let children: Vec<_> = (0..orders.processes).map(|_| Child::start(&orders.to_string())).collect();
    let mut found = Found::default();
    for child in children {
        found.add(&child.finish());
    }
    let calls = runtime.block_on(calls(&server));
    found.row(&orders, calls)
}

/// The scripts that the server has run.
async fn calls(server: &Server) -> u64 {
    let mut connection = server.connect().await;
    let stats: String =
        redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.expect("it answers");
    let scripts = stats.lines().filter(|line| line.starts_with("cmdstat_eval"));
    let calls = |line: &str| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok();
    scripts.filter_map(calls).sum()
}

/// What all processes have found.
#[derive(Default)]
struct Found {
    /// By the stamp of a window: admitted and refused.
    windows: BTreeMap<u64, (u64, u64)>,
    /// By the power of two of nanoseconds, in quarters.
    waits: BTreeMap<u64, u64>,
}

impl Found {
    fn add(&mut self, lines: &str) {
        for line in lines.lines() {
            let words: Vec<_> = line.split(' ').collect();
            let number = |place: usize| words[place].parse::<u64>().expect("it is a number");
            if words[0] == "wait" {
                *self.waits.entry(number(1)).or_default() += number(2);
            } else {
                let window = self.windows.entry(number(1)).or_default();
                *window = (window.0 + number(2), window.1 + number(3));
            }
        }
    }

    fn row(&self, orders: &Orders, calls: u64) -> Vec<String> {
        let decisions: u64 = self.waits.values().sum();
        let whole: Vec<_> = self.windows.values().skip(1).take(self.windows.len().saturating_sub(2)).collect();
        let most = self.windows.values().map(|(admitted, _)| *admitted).max().unwrap_or(0);
        assert!(most <= process::LIMIT, "{most} in a window");
        let asked: u64 = whole.iter().map(|(admitted, refused)| (admitted + refused).min(process::LIMIT)).sum();
        let admitted: u64 = whole.iter().map(|(admitted, _)| admitted).sum();
        #[expect(clippy::cast_precision_loss, reason = "these are small")]
        let (a_call, usable) =
            (decisions as f64 / calls.max(1) as f64, admitted as f64 * 100.0 / asked.max(1) as f64);
        vec![
            orders.name(),
            format!("{a_call:.1}"),
            format!("{:.1}", self.percentile(decisions / 2)),
            format!("{:.1}", self.percentile(decisions * 99 / 100)),
            format!("{usable:.1} %"),
            most.to_string(),
        ]
    }

    /// The wait in microseconds that so many decisions did not exceed.
    fn percentile(&self, wanted: u64) -> f64 {
        let mut seen = 0;
        let reaches = |(_, count): &(&u64, &u64)| {
            seen += **count;
            seen > wanted
        };
        let class = self.waits.iter().find(reaches).map_or(0, |(class, _)| *class);
        process::micros_of(class)
    }
}
