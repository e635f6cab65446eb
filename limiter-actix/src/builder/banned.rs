//! Settings of responses to banned clients.

use std::sync::Arc;

use actix_web::{HttpResponse, http::StatusCode};

use super::LimiterBuilder;
use crate::{
    Ban,
    limit::callback::Callback,
    settings::banned::{EXPECTED_STATUS, STATUSES},
};

/// # Bans
impl LimiterBuilder {
    /// Sets the status of responses to banned clients: 403 Forbidden, the default, or 429 Too Many Requests.
    ///
    /// See [`Limiter::ban`](crate::Limiter::ban).
    pub fn ban_status(mut self, status: StatusCode) -> Self {
        if !STATUSES.contains(&status) {
            self.issue(format!(".ban_status({})", status.as_u16()), EXPECTED_STATUS);
        }
        self.code.ban_status = Some(status);
        self
    }

    /// Sets whether banned clients see the reason of their ban. Defaults to `false`.
    pub fn show_ban_reason(mut self, is_shown: bool) -> Self {
        self.code.shows_ban_reason = Some(is_shown);
        self
    }

    /// Sets the function that responds to banned clients. If it returns `None`, the default response is sent.
    ///
    /// `on_breach` is not called for them, since no limit is breached.
    pub fn on_ban(mut self, respond: impl Fn(&Ban) -> Option<HttpResponse> + Send + Sync + 'static) -> Self {
        self.settings.banned.on_ban = Some(Callback(Arc::new(respond)));
        self
    }
}
