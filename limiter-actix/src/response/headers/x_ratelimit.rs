use actix_web::http::header::{HeaderMap, HeaderValue};
use limiter_core::{Timestamp, Window};

use super::format::number;
use crate::HeaderNames;

/// Sets the three headers of a window of this limit. The reset is an instant, as most clients of this header expect. In
/// `RateLimit` it is a wait.
pub(crate) fn set(
    headers: &mut HeaderMap,
    names: &HeaderNames,
    amount: HeaderValue,
    window: &Window,
    now: Timestamp,
) {
    headers.reserve(3);
    headers.insert(names.limit.clone(), amount);
    headers.insert(names.remaining.clone(), number(window.remaining()));
    headers.insert(names.reset.clone(), number(now.after(window.reset()).as_secs_ceil()));
}
