//! A request on its way through the limiter.

pub(crate) mod correction;
mod misprediction;
mod refund;
mod response_headers;
mod settle;
pub(crate) mod state;
