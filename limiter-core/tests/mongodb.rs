//! The MongoDB storage on real servers, which the tests start themselves on free ports of 127.0.0.1.
//!
//! `MONGOD` names the program to start, `mongod` unless set.

#[path = "remote/client.rs"]
mod client;
#[path = "remote/processes.rs"]
mod processes;
#[path = "remote/vectors.rs"]
mod recorded;

#[path = "mongodb/acceptance.rs"]
mod acceptance;
#[path = "mongodb/exact.rs"]
mod exact;
#[path = "mongodb/faults.rs"]
mod faults;
#[path = "mongodb/refusals.rs"]
mod refusals;
#[path = "mongodb/replica_set.rs"]
mod replica_set;
#[path = "mongodb/server.rs"]
mod server;
#[path = "mongodb/several.rs"]
mod several;
#[path = "mongodb/stored.rs"]
mod stored;
#[path = "mongodb/traffic.rs"]
mod traffic;
#[path = "mongodb/vectors.rs"]
mod vectors;
