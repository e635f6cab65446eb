//! The Redis storage.
//!
//! `REDIS_SERVER` names the program to start, such as a `valkey-server`. Defaults to `redis-server`.

mod acceptance;
mod clock;
mod cluster;
mod cluster_faults;
mod faults;
mod keys;
mod moving_windows;
mod refusals;
mod sentinel;
mod server;
mod slots;
mod specialised_scripts;
mod stand_in;
mod traffic;

mod suite {
    crate::suite::suite!(server: limiter_test_servers::Redis);
    crate::suite::suite!(database: limiter_test_servers::Redis);
}
