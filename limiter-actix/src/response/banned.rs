//! The response to a banned client.

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HeaderValue},
    },
};
use limiter_core::Timestamp;

use super::{body, headers, problem::Problem};
use crate::{
    bans::ban::{Ban, printable},
    settings::Settings,
};

/// Returns the response: that of `on_ban`, or the default one. Its `Retry-After` is the end of the ban.
pub(crate) fn respond(settings: &Settings, ban: &Ban, now: Timestamp, req: &ServiceRequest) -> HttpResponse {
    let own = settings.banned.on_ban.as_ref().and_then(|respond| respond(ban));
    let mut response = own.unwrap_or_else(|| by_default(settings, ban, req));
    let headers = response.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers::set_retry_after(&settings.headers, headers, ban.time_left(now), now);
    response
}

fn by_default(settings: &Settings, ban: &Ban, req: &ServiceRequest) -> HttpResponse {
    let problem = match settings.banned.status {
        StatusCode::TOO_MANY_REQUESTS => &Problem::TOO_MANY_REQUESTS,
        _ => &Problem::FORBIDDEN,
    };
    if settings.banned.shows_reason && !ban.reason().is_empty() {
        return body::response(problem, &printable(ban.reason()), &[], None, req);
    }
    body::response(problem, "The client is banned.", &[], None, req)
}
