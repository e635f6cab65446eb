//! The wrappers between a limiter and a storage on another machine.

mod acceptance;
mod leases;
mod local_refusals;
mod resilient;
mod storage;
