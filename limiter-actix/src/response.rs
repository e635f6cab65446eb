//! The response to a refused request, and the headers of all responses.

mod accept;
mod body;
mod escape;
pub(crate) mod headers;
mod problem;
pub(crate) mod refusal;
