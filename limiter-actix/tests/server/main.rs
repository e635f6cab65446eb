//! Real servers over TCP, and the examples as programs.

#[cfg(feature = "lookup")]
mod async_functions;
mod bounded_tables;
mod concurrent;
mod examples;
#[cfg(feature = "config-file")]
mod hostile;
mod http2;
mod in_flight;
mod log_floods;
mod long_paths;
mod metered;
#[cfg(all(
    feature = "config-file",
    feature = "redis-cluster",
    feature = "redis-sentinel",
    feature = "memcached",
    feature = "mongodb"
))]
mod on_servers;
mod persist;
mod prometheus;
mod quickstart;
mod replay;
mod secrets;
mod several_processes;
mod soaking;
mod spelling;
mod stack;
mod without_limiter;
mod workers;

/// Counts the statuses that are this one.
fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|there| **there == status).count()
}
