use actix_web::{HttpResponse, http::StatusCode};

use crate::{bans::ban::Ban, limit::callback::Callback};

pub(crate) type BanFn = Callback<dyn Fn(&Ban) -> Option<HttpResponse> + Send + Sync>;

/// The settings of responses to banned clients.
#[derive(Clone, Debug)]
pub(crate) struct BannedSettings {
    pub(crate) status: StatusCode,
    /// Set if clients may see the reason.
    pub(crate) shows_reason: bool,
    pub(crate) on_ban: Option<BanFn>,
}

/// The statuses that a banned client may get.
pub(crate) const STATUSES: [StatusCode; 2] = [StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];

/// The error of any other status.
pub(crate) const EXPECTED_STATUS: &str = "expected 403 or 429";

/// Returns the status that banned clients get, if they may.
pub(crate) fn status(number: u64) -> Option<StatusCode> {
    STATUSES.into_iter().find(|status| u64::from(status.as_u16()) == number)
}

impl Default for BannedSettings {
    fn default() -> Self {
        Self { status: StatusCode::FORBIDDEN, shows_reason: false, on_ban: None }
    }
}
