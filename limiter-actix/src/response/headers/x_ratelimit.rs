use actix_web::http::header::{HeaderMap, HeaderValue};
use limiter_core::{Timestamp, Window};

use super::format::number;
use crate::{HeaderNames, plan::bound_limit::BoundLimit};

/// Sets the three headers of a window of this limit. The reset is an instant, as most clients of this header expect. In
/// `RateLimit` it is a wait.
pub(crate) fn set(
    headers: &mut HeaderMap,
    names: &HeaderNames,
    amount: HeaderValue,
    window: &Window,
    now: Timestamp,
) {
    set_values(headers, names, amount, window, number(reset(window, now)));
}

/// The same for a request that this limit has admitted.
pub(crate) fn set_admitted(
    headers: &mut HeaderMap,
    names: &HeaderNames,
    limit: &BoundLimit,
    window: &Window,
    now: Timestamp,
) {
    let reset = limit.reset(reset(window, now), number);
    set_values(headers, names, limit.amount(), window, reset);
}

fn reset(window: &Window, now: Timestamp) -> u64 {
    now.after(window.reset()).as_secs_ceil()
}

fn set_values(
    headers: &mut HeaderMap,
    names: &HeaderNames,
    amount: HeaderValue,
    window: &Window,
    reset: HeaderValue,
) {
    headers.reserve(3);
    headers.insert(names.limit.clone(), amount);
    headers.insert(names.remaining.clone(), number(window.remaining()));
    headers.insert(names.reset.clone(), reset);
}
