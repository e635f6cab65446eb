//! Storages on servers that the tests start. Tests without servers skip `on_servers::`.
//!
//! A backend is a module: `cargo test -p limiter-remote-tests on_servers::redis::` runs one alone.

mod memcached;
mod mongodb;
mod redis;
mod redis_tls;
