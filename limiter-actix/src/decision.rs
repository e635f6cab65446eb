//! Decides the limits of a request.

pub(crate) mod callback_cache;
pub(crate) mod charge;
pub(crate) mod context;
pub(crate) mod deadline;
mod decide;
pub(crate) mod decided;
mod fallback;
pub(crate) mod query;
pub(crate) mod refund;
