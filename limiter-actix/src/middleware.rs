//! The middleware.

pub(crate) mod future;
pub(crate) mod witness;
