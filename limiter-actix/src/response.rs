//! Responses to refused requests, and the headers of all responses.

mod accept;
mod body;
mod escape;
pub(crate) mod headers;
mod problem;
pub(crate) mod refusal;
