//! What stands between a limiter and a storage on another machine.

#[path = "wrappers/local_refusals.rs"]
mod local_refusals;
#[path = "wrappers/log.rs"]
mod log;
#[path = "wrappers/resilient.rs"]
mod resilient;
#[path = "wrappers/storage.rs"]
mod storage;
