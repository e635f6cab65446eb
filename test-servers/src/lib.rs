//! Real servers for tests: each ends with the value that stands for it. They listen on free ports of 127.0.0.1
//! and keep their files in folders of their own.
//!
//! A server that cannot be started makes its test fail, with a word on how to get it.

mod certificates;
mod cluster;
mod memcached;
mod mongo;
mod process;
mod proxy;
mod redis;
mod sentinel;

pub use self::{
    certificates::Certificates,
    cluster::Cluster,
    memcached::Memcached,
    mongo::Mongo,
    process::{Process, free_port, wait_until},
    proxy::Proxy,
    redis::Redis,
    sentinel::Sentinel,
};
