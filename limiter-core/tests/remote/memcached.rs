//! The memcached storage on real servers, which the tests start themselves on free ports of 127.0.0.1.

mod acceptance;
mod exact;
mod faults;
mod kept;
mod refusals;
mod server;
mod several;
mod traffic;
mod vectors;
