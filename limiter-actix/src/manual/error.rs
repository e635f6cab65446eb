//! The errors of limits by name.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use limiter_core::storage::StorageError;

use crate::hidden_error;

/// An error of a named limit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamedLimitError {
    /// No limit of this name, or of this name at the route, is known.
    #[error("no limit named `{name}` is known there; known are {known}{hint}")]
    #[non_exhaustive]
    UnknownLimit {
        /// The name.
        name: String,
        /// Some of the names that are known.
        known: String,
        /// A note that others are not known while the process has served no request.
        hint: &'static str,
    },
    /// The name stands for counts at several places.
    #[error(
        "the name `{name}` alone is not enough, since it has counts at {places}; add the route by `LimitName::at`"
    )]
    #[non_exhaustive]
    Ambiguous {
        /// The name.
        name: String,
        /// Some of the places.
        places: String,
    },
    /// The quota of the limit is computed from the request.
    #[error(
        "the quota of the limit `{0}` is computed from the request, so only `clear` finds its counts, as far as this process has met them"
    )]
    DynamicLimit(String),
    /// The limit is one of concurrent requests, which only requests hold.
    #[error("the limit `{0}` counts the requests that are under way, so it has no manual hits")]
    Concurrent(String),
    /// The storage is unreachable.
    #[error("the storage is unreachable")]
    Storage(#[from] StorageError),
}

/// Responds with 500 to an unknown limit, and with 503 if the storage is unreachable. The text is logged (`L034`), and
/// not shown to the client.
impl ResponseError for NamedLimitError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::UnknownLimit { .. }
            | Self::Ambiguous { .. }
            | Self::DynamicLimit(_)
            | Self::Concurrent(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Storage(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        hidden_error::respond(self.status_code(), self)
    }
}
