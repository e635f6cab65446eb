//! The memcached storage on real servers, which the tests start themselves on free ports of 127.0.0.1.

#[path = "remote/client.rs"]
mod client;
#[path = "remote/processes.rs"]
mod processes;
#[path = "remote/vectors.rs"]
mod recorded;

#[path = "memcached/acceptance.rs"]
mod acceptance;
#[path = "memcached/exact.rs"]
mod exact;
#[path = "memcached/faults.rs"]
mod faults;
#[path = "memcached/kept.rs"]
mod kept;
#[path = "memcached/refusals.rs"]
mod refusals;
#[path = "memcached/server.rs"]
mod server;
#[path = "memcached/several.rs"]
mod several;
#[path = "memcached/traffic.rs"]
mod traffic;
#[path = "memcached/vectors.rs"]
mod vectors;
