//! The middleware of limiters, and of rules.

mod drive;
pub(crate) mod future;
pub(crate) mod limiter;
pub(crate) mod witness;
