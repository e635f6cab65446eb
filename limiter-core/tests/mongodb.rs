//! The MongoDB storage on real servers, which the tests start themselves on free ports of 127.0.0.1.
//!
//! `MONGOD` names the program to start, `mongod` unless set.

#[path = "remote/client.rs"]
mod client;
#[path = "remote/processes.rs"]
mod processes;

#[path = "mongodb/acceptance.rs"]
mod acceptance;
#[path = "mongodb/server.rs"]
mod server;
#[path = "mongodb/vectors.rs"]
mod vectors;
