//! The Redis storage on real servers, which the tests start themselves on free ports of 127.0.0.1.
//!
//! `REDIS_SERVER` names the program to start, `redis-server` unless set; a `valkey-server` does as well.

#[path = "remote/client.rs"]
mod client;
#[path = "wrappers/log.rs"]
mod log;
#[path = "remote/processes.rs"]
mod processes;
#[path = "remote/vectors.rs"]
mod recorded;

#[path = "redis/acceptance.rs"]
mod acceptance;
#[path = "redis/clock.rs"]
mod clock;
#[path = "redis/cluster.rs"]
mod cluster;
#[path = "redis/exact.rs"]
mod exact;
#[path = "redis/faults.rs"]
mod faults;
#[path = "redis/plain.rs"]
mod plain;
#[path = "redis/refusals.rs"]
mod refusals;
#[path = "redis/sentinel.rs"]
mod sentinel;
#[path = "redis/server.rs"]
mod server;
#[path = "redis/slots.rs"]
mod slots;
#[path = "redis/stand_in.rs"]
mod stand_in;
#[path = "redis/traffic.rs"]
mod traffic;
#[path = "redis/vectors.rs"]
mod vectors;
