use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use limiter_core::storage::StorageError;

use super::ban::Ban;
use crate::hidden_error;

/// An error of a ban or a pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BanError {
    /// The key is missing, failed or unlimited, so it identifies no client.
    #[error("the key identifies no client")]
    NoClient,
    /// The duration is zero.
    #[error("invalid ban or pass: expected a duration above zero")]
    NoDuration,
    /// The reason is too long.
    #[error("the reason is longer than {} bytes", Ban::MAX_REASON_LEN)]
    ReasonTooLong,
    /// There are as many bans and passes as the storage may keep.
    #[error(
        "there are {} bans and passes, or all that the storage can keep: ban a network, or end some",
        Ban::MAX_COUNT
    )]
    Full,
    /// The storage is unreachable, or keeps no bans.
    #[error("the storage is unreachable, or keeps no bans")]
    Storage(#[from] StorageError),
}

/// Responds with 503 if the storage is unreachable or full, and with 400 otherwise. The text is logged (`L034`), and not
/// shown to the client.
impl ResponseError for BanError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Full | Self::Storage(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoClient | Self::NoDuration | Self::ReasonTooLong => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        hidden_error::respond(self.status_code(), self)
    }
}
