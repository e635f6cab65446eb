//! Names that keep counts apart.

use actix_web::{dev::ServiceRequest, http::Method};

use crate::{Limit, limit::callback::Text};

/// The methods of HTTP, but HEAD, which is GET.
pub(super) const STANDARD: [Method; 8] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::OPTIONS,
    Method::PATCH,
    Method::CONNECT,
    Method::TRACE,
];

/// The method under which a request is counted: HEAD is GET, and all methods that nothing in the app knows
/// are one.
pub(super) fn counted_as(method: &Method, custom: &[Method]) -> Method {
    if *method == Method::HEAD {
        return Method::GET;
    }
    if STANDARD.contains(method) || custom.contains(method) {
        return method.clone();
    }
    // Whoever sends this name is unknown as well.
    Method::from_bytes(b"!OTHER").unwrap_or(Method::TRACE)
}

/// The names of methods, in an order of their own.
pub(super) fn method_names(methods: &[Method]) -> String {
    let mut names = Vec::with_capacity(methods.len());
    for name in methods.iter().map(Method::as_str) {
        names.insert(names.partition_point(|other| *other <= name), name);
    }
    names.join(",")
}

/// A CORS preflight (Fetch standard, section 3.2.2), which is left to the application limits.
#[inline]
pub(super) fn is_preflight(req: &ServiceRequest) -> bool {
    *req.method() == Method::OPTIONS
        && req.headers().contains_key("origin")
        && req.headers().contains_key("access-control-request-method")
}

/// A label for each of the limits of one place: equal ones are numbered, so that they do not share a count.
pub(super) fn labels<'a>(place: &'a str, limits: &'a [Limit]) -> impl Iterator<Item = String> + 'a {
    limits.iter().enumerate().map(move |(index, limit)| {
        let place = if limit.shared.is_some() { "shared" } else { place };
        let ordinal = limits[..index].iter().filter(|earlier| alike(earlier, limit)).count();
        if ordinal == 0 { place.to_owned() } else { format!("{place} #{ordinal}") }
    })
}

/// Returns whether two limits of one place would have the same count without a number.
fn alike(one: &Limit, other: &Limit) -> bool {
    // The amount does not matter for counts that survive its change.
    let window = |limit: &Limit| {
        limit.source.quota().map(|quota| {
            let unit = quota.unit();
            (quota.window_seconds(), unit.is_calendar(), unit.is_concurrent())
        })
    };
    let is_concurrent =
        |limit: &Limit| limit.source.quota().is_some_and(|quota| quota.unit().is_concurrent());
    let is_any_amount = one.keep_used && other.keep_used || is_concurrent(one) && is_concurrent(other);
    (one.source.quota() == other.source.quota() || is_any_amount && window(one) == window(other))
        && one.keep_used == other.keep_used
        && one.metered == other.metered
        && one.strategy == other.strategy
        && one.burst == other.burst
        && match (&one.shared, &other.shared) {
            (Some(Text::Fixed(one)), Some(Text::Fixed(other))) => one == other,
            (one, other) => one.is_some() == other.is_some(),
        }
}
