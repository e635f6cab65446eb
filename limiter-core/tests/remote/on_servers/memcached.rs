//! The memcached storage.

mod acceptance;
mod exact;
mod faults;
mod keys;
mod refusals;
mod server;
mod several_servers;
mod traffic;

mod suite {
    crate::suite::suite!(server: limiter_test_servers::Memcached);
}
