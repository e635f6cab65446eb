//! The code that a carrier expands to.

pub(crate) mod handler;
pub(crate) mod module;
