//! Numbers as the values of headers.

use std::time::Duration;

use actix_web::http::header::HeaderValue;

/// Returns a number as the value of a header, with one allocation. `From` takes two.
pub(super) fn number(number: u64) -> HeaderValue {
    let mut digits = itoa::Buffer::new();
    HeaderValue::from_str(digits.format(number)).unwrap_or_else(|_| number.into())
}

/// Returns whole seconds, rounded up.
pub(super) fn seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))
}
