//! Real servers, asked over TCP.

#[path = "server/examples.rs"]
mod examples;
#[path = "server/in_flight.rs"]
mod in_flight;
#[path = "server/long_paths.rs"]
mod long_paths;
#[path = "server/prometheus.rs"]
mod prometheus;
#[path = "server/quickstart.rs"]
mod quickstart;
#[path = "server/several_processes.rs"]
mod several_processes;
#[path = "server/spelling.rs"]
mod spelling;
#[path = "reference/storages.rs"]
mod storages;
#[path = "server/without_limiter.rs"]
mod without_limiter;
#[path = "server/workers.rs"]
mod workers;

/// How many of the statuses are this one.
fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|there| **there == status).count()
}
