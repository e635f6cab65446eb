//! Decides the limits of a request: as one batch, in the limiter's storage, or without it while it fails.

pub(crate) mod ban_by_rule;
pub(crate) mod callback_cache;
pub(crate) mod charge;
pub(crate) mod context;
pub(crate) mod decide;
pub(crate) mod decided;
mod detached;
pub(crate) mod fallback;
pub(crate) mod hold;
mod meta_wait;
pub(crate) mod query;
pub(crate) mod refund;
pub(crate) mod reservation;
pub(crate) mod usage;
