//! The MongoDB storage on real servers, which the tests start themselves on free ports of 127.0.0.1.
//!
//! `MONGOD` names the program to start, `mongod` unless set.

mod acceptance;
mod exact;
mod faults;
mod refusals;
mod replica_set;
mod server;
mod several;
mod stored;
mod traffic;
mod vectors;
