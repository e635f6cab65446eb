//! Real servers over TCP, and the examples as programs.

#[cfg(feature = "lookup")]
mod async_functions;
mod bounded_tables;
// With `mongodb` only in the step `soak`, as the others that need servers.
#[cfg(all(feature = "redis-cluster", feature = "redis-sentinel", feature = "mongodb"))]
mod chaos;
#[cfg(all(feature = "redis", feature = "memcached", feature = "mongodb"))]
mod clear_all;
mod concurrent;
#[cfg(all(feature = "redis-cluster", feature = "mongodb"))]
mod concurrent_processes;
mod examples;
#[cfg(feature = "config-file")]
mod hostile;
mod http2;
mod in_flight;
mod log_floods;
mod long_paths;
mod metered;
mod persist;
mod prometheus;
mod quickstart;
#[cfg(all(feature = "redis", feature = "memcached", feature = "mongodb"))]
mod ready;
#[cfg(all(feature = "redis", feature = "memcached", feature = "mongodb"))]
mod remote_kinds;
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
