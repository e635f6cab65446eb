//! Support of the tests: servers, clients and programs, apps and their answers, storages, and the log.

pub mod alone;
pub mod app;
pub mod client;
pub mod cost;
pub mod http2;
pub mod log;
pub mod play;
pub mod program;
pub mod random;
pub mod server;
pub mod storages;
