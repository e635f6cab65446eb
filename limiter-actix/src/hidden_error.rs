//! Responses for errors whose texts are for the log only.

use std::{fmt::Display, time::Duration};

use actix_web::{HttpResponse, http::StatusCode};
use limiter_core::log::{Throttle, event, shown};

/// Responds with a status and an empty body, and logs the error: it names settings and servers, which are nothing to
/// clients.
pub(crate) fn respond(status: StatusCode, error: &dyn Display) -> HttpResponse {
    static LINES: Throttle = Throttle::new(Some("L034"), 10, Duration::from_secs(1));
    event!(
        LINES.permit_now(),
        ERROR,
        error = shown(error),
        status = u64::from(status.as_u16()),
        "a handler returned an error of the limiter: the client gets the status only"
    );
    HttpResponse::new(status)
}
