//! The wrappers between a limiter and a storage on another machine.

mod acceptance;
mod local_refusals;
mod resilient;
mod storage;
