//! Storages on other machines, on real servers that the tests start on free ports of 127.0.0.1, and the wrappers
//! between a limiter and such a storage.
//!
//! A backend is a module: `cargo test -p limiter-core --all-features --test remote redis::` runs one alone.

mod client;
mod log;
mod processes;
mod vectors;

mod memcached;
mod mongodb;
mod redis;
mod redis_tls;
mod wrappers;
