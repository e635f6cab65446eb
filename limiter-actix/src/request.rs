//! A request on its way through a limiter.

pub(crate) mod admission;
pub(crate) mod correction;
mod delegation;
mod misprediction;
mod observe;
mod refund;
pub(crate) mod refuse;
mod response_headers;
mod settle;
pub(crate) mod state;
