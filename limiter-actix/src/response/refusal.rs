//! The response to a refused request.

use std::{ptr, time::Duration};

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    http::header::{CACHE_CONTROL, HeaderValue},
};
use smallvec::SmallVec;

use super::{body, headers, problem::Problem};
use crate::{
    Breach, CurrentLimit,
    decision::context::DecisionContext,
    plan::bound_limit::BoundLimit,
    report::{current::LimitOutcome, policy_name::with_unique_names},
    settings::Settings,
};

/// The wait for a storage that fails. By then it has been probed.
const WAIT_FOR_STORAGE: Duration = Duration::from_secs(5);

/// Returns the response to a request that is not decided, since the storage fails.
pub(crate) fn undecided(context: &DecisionContext<'_>, req: &ServiceRequest) -> HttpResponse {
    const DETAIL: &str = "The limits cannot be checked now.";
    let mut response = body::response(&Problem::TEMPORARY_REDUCED_CAPACITY, DETAIL, &[], None, req);
    let (settings, headers) = (&context.settings.headers, response.headers_mut());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers::set_retry_after(settings, headers, WAIT_FOR_STORAGE, context.now);
    headers::set_fallback(settings, headers, context.decided_by);
    response
}

/// Returns the response to a breach: that of `on_breach`, or the default one. A refusal by reservations gets the default
/// one.
pub(crate) fn respond(
    context: &DecisionContext<'_>,
    limit: &BoundLimit,
    breach: &Breach,
    req: &ServiceRequest,
) -> HttpResponse {
    let settings = context.settings;
    let of_callbacks =
        if context.is_by_reservations { None } else { call_back(settings, limit, breach, req) };
    let is_default = of_callbacks.is_none();
    let mut response = of_callbacks.unwrap_or_else(|| by_default(limit, breach, req));

    let (settings, headers) = (&settings.headers, response.headers_mut());
    // Caches must not store a 429 (RFC 6585, section 4), nor any other response that is for this client only.
    if is_default || !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, const { HeaderValue::from_static("no-store") });
    }
    match breach.retry_after() {
        Some(wait) if is_default => headers::add_retry_after(settings, headers, wait, context.now),
        Some(wait) => headers::set_retry_after(settings, headers, wait, context.now),
        None => {}
    }
    headers::set(settings, headers, &breach.window, breach.limits.as_slice(), context.now);
    headers::set_fallback(settings, headers, context.decided_by);
    response
}

/// Returns the response of the limit's `on_breach`, or else of the limiter's.
fn call_back(
    settings: &Settings,
    limit: &BoundLimit,
    breach: &Breach,
    req: &ServiceRequest,
) -> Option<HttpResponse> {
    let of_limiter = if breach.is_meta { &settings.on_meta_breach } else { &settings.on_breach };
    let own = limit.options.on_breach.as_ref().and_then(|answer| answer(breach, req));
    own.or_else(|| of_limiter.as_ref().and_then(|answer| answer(breach, req)))
}

fn by_default(limit: &BoundLimit, breach: &Breach, req: &ServiceRequest) -> HttpResponse {
    let problem = if breach.is_meta { &Problem::ABNORMAL_USAGE_DETECTED } else { &Problem::QUOTA_EXCEEDED };
    if let Some(name) = only_violated(breach.limits.as_slice()) {
        let known = limit.has_fixed_message().then_some(&limit.problem);
        return body::response(problem, &breach.message, &[name], known, req);
    }
    let named = with_unique_names(breach.limits.as_slice());
    let those = |outcome| move |(_, limit): &&(_, &CurrentLimit)| limit.outcome == outcome;
    // First the one that the rest of the response describes.
    let violated = named
        .iter()
        .filter(those(LimitOutcome::RefusedLongest))
        .chain(named.iter().filter(those(LimitOutcome::Refused)));
    let violated: SmallVec<[&str; 4]> = violated.map(|(name, _)| &**name).collect();
    body::response(problem, &breach.message, &violated, None, req)
}

/// Returns the name of the limit that refused, if no other did, and none has the same name.
fn only_violated(limits: &[CurrentLimit]) -> Option<&str> {
    let mut refused = limits.iter().filter(|limit| !limit.is_shadow && limit.outcome != LimitOutcome::Passed);
    let (Some(only), None) = (refused.next(), refused.next()) else { return None };
    let others = limits.iter().filter(|limit| !ptr::eq(*limit, only));
    let is_own = others.into_iter().all(|other| other.policy_name() != only.policy_name());
    is_own.then(|| only.policy_name())
}

#[cfg(test)]
mod tests {
    use actix_web::{body::to_bytes, test::TestRequest};

    use limiter_core::{Key, Timestamp};

    use super::*;
    use crate::{LimiterBuilder, report::decided_by::DecidedBy};

    #[actix_web::test]
    async fn an_undecided_request_is_reduced_capacity() {
        let config = LimiterBuilder::new().config_as_is();
        let req = TestRequest::default().to_srv_request();
        let context = DecisionContext {
            settings: &config.settings,
            client: &Key::missing(),
            now: Timestamp::from_millis(0),
            route: None,
            decided_by: DecidedBy::Skipped,
            meta_wait: None,
            is_by_reservations: false,
            manual: None,
        };
        let response = undecided(&context, &req);
        assert_eq!(response.status(), 503);
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let told = ["content-type", "cache-control", "retry-after"].map(header);
        assert_eq!(told, [Some("application/problem+json"), Some("no-store"), Some("5")]);
        assert_eq!(
            to_bytes(response.into_body()).await.unwrap_or_default(),
            concat!(
                r#"{"type":"https://iana.org/assignments/http-problem-types#temporary-reduced-capacity","#,
                r#""title":"Temporary Reduced Capacity","status":503,"#,
                r#""detail":"The limits cannot be checked now."}"#
            )
        );
    }
}
