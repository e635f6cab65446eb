//! The MongoDB storage.
//!
//! `MONGOD` names the program to start. Defaults to `mongod`.

mod documents;
mod faults;
mod refusals;
mod replica_set;
mod server;
mod several_clients;
mod traffic;

mod suite {
    crate::suite::suite!(server: limiter_test_servers::Mongo);
    crate::suite::suite!(database: limiter_test_servers::Mongo);
}
