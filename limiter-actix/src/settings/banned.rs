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

impl Default for BannedSettings {
    fn default() -> Self {
        Self { status: StatusCode::FORBIDDEN, shows_reason: false, on_ban: None }
    }
}
