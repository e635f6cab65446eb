//! The middleware.

pub(crate) mod future;
pub(crate) mod limiter;
pub(crate) mod witness;
