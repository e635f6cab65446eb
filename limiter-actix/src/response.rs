//! Responses to refused requests, and the headers of all responses.

mod accept;
pub(crate) mod banned;
mod body;
pub(crate) mod escape;
pub(crate) mod headers;
mod problem;
pub(crate) mod refusal;
