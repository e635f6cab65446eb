//! The Redis storage on real servers, which the tests start themselves on free ports of 127.0.0.1.
//!
//! `REDIS_SERVER` names the program to start, `redis-server` unless set; a `valkey-server` does as well.

mod acceptance;
mod clock;
mod cluster;
mod exact;
mod faults;
mod plain;
mod refusals;
mod sentinel;
mod server;
mod slots;
mod stand_in;
mod traffic;
mod vectors;
