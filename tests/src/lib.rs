//! What the tests share: servers, clients and programs to talk to, and what was logged meanwhile.

pub mod app;
pub mod client;
pub mod cost;
pub mod log;
pub mod program;
pub mod server;
