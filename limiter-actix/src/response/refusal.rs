//! The answer to a refused request.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpMessage, HttpResponse,
    dev::ServiceRequest,
    http::header::{CACHE_CONTROL, HeaderValue},
};
use limiter_core::{Key, Timestamp};

use super::body;
use super::problem::Problem;
use crate::decision::decided::Decided;
use crate::decision::decided::{Breached, current};
use crate::{
    Breach, CurrentLimit, CurrentLimits,
    decision::{charge::Charge, query::breached},
    limit::on_storage_failure::{DecidedBy, Undecided},
    plan::bound_limit::Placed,
    report::{current::Outcome, policy_name::told_apart},
    request::state::{Ticket, Tickets},
    settings::Settings,
    telemetry,
};

/// What a refusal must know of its request.
pub(crate) struct Asked<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) client: &'a Key,
    pub(crate) now: Timestamp,
    pub(crate) route: Option<&'a Arc<str>>,
    pub(crate) decided_by: DecidedBy,
    /// The name of the limit, where code asks for it.
    pub(crate) manual: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn by(ticket: &'a Ticket) -> Self {
        Self {
            settings: &ticket.local.config.settings,
            client: &ticket.client,
            now: ticket.decided_at,
            route: ticket.route.pattern(),
            decided_by: ticket.decided_by.get(),
            manual: None,
        }
    }
}

/// The answer, when the decision was not to admit. Leaves the breach in the extensions of the request.
pub(crate) fn of(ticket: &Ticket, decided: &Decided<'_>, req: &ServiceRequest) -> Option<HttpResponse> {
    let (breach, response) = answer(&Asked::by(ticket), decided, req)?;
    ticket.is_told.set(true);
    req.extensions_mut().insert(breach);
    Some(response)
}

/// How long a client is told to wait for a storage that fails: by then it has been probed.
const WAIT_FOR_STORAGE: Duration = Duration::from_secs(5);

/// The answer where nothing could be decided.
pub(crate) fn undecided(why: Undecided, asked: &Asked<'_>, req: &ServiceRequest) -> HttpResponse {
    const DETAIL: &str = "The limits cannot be checked now.";
    if why == Undecided::Function {
        return HttpResponse::InternalServerError().finish();
    }
    telemetry::undecided(asked);
    let mut response = body::response(&Problem::TEMPORARY_REDUCED_CAPACITY, DETAIL, &[], None, req);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    asked.settings.headers.set_retry_after(headers, WAIT_FOR_STORAGE, asked.now);
    asked.settings.headers.set_fallback(headers, asked.decided_by);
    response
}

impl Ticket {
    /// The answer to its request when that could not be decided.
    pub(crate) fn undecided(&self, why: Undecided, req: &ServiceRequest) -> HttpResponse {
        self.is_told.set(true);
        undecided(why, &Asked::by(self), req)
    }
}

/// The breach and the answer to it, when the decision was not to admit.
pub(crate) fn answer(
    asked: &Asked<'_>,
    decided: &Decided<'_>,
    req: &ServiceRequest,
) -> Option<(Breach, HttpResponse)> {
    let (charge, window, is_meta) = breached(decided.decision, decided.guards, decided.limits)?;
    let breached = Breached { charge, window, is_meta };
    let breach = breach(asked, decided, &breached, req);
    telemetry::refused(asked, decided, &breach);
    if window.retry_after().is_none() {
        say_it_never_passes(&charge.placed);
    }
    let response = respond(asked, charge, &breach, req);
    tell_limiters(&breach, req);
    Some((breach, response))
}

fn breach(asked: &Asked<'_>, decided: &Decided<'_>, breached: &Breached<'_>, req: &ServiceRequest) -> Breach {
    let Breached { charge, window, is_meta } = *breached;
    let placed = &charge.placed;
    let message = match &placed.limit.message {
        Some(message) => message.of(req),
        None => placed.text(),
    };
    Breach {
        quota: placed.policy.quota(),
        name: placed.limit.name.clone(),
        message,
        window,
        key: charge.key(asked.client).clone(),
        route: asked.route.cloned(),
        is_meta,
        limits: CurrentLimits::new(current(asked, decided, breached)),
    }
}

/// Once for each limit: its cost function, or its quota, is not what it should be.
fn say_it_never_passes(placed: &Placed) {
    if !placed.said_it_never_passes.replace(true) {
        tracing::error!(code = "L008", limit = %placed.policy,
            "a request costs more than its limit allows at all: it will never pass");
    }
}

/// Lets the limiters that have admitted the request show what it ran into afterwards.
fn tell_limiters(breach: &Breach, req: &ServiceRequest) {
    if let Some(tickets) = req.extensions().get::<Tickets>() {
        for ticket in &tickets.of_limiters {
            ticket.breach.replace(Some(Box::new(breach.clone())));
        }
    }
}

fn respond(asked: &Asked<'_>, charge: &Charge, breach: &Breach, req: &ServiceRequest) -> HttpResponse {
    let settings = asked.settings;
    let of_limiter = if breach.is_meta { &settings.on_meta_breach } else { &settings.on_breach };
    let own = charge.placed.limit.on_breach.as_ref().and_then(|answer| answer(breach));
    let mut response = own
        .or_else(|| of_limiter.as_ref().and_then(|answer| answer(breach)))
        .unwrap_or_else(|| by_default(&charge.placed, breach, req));

    let headers = response.headers_mut();
    // Caches must not store a 429 (RFC 6585, section 4); no other answer to this client is for the next one.
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Some(wait) = breach.retry_after() {
        settings.headers.set_retry_after(headers, wait, asked.now);
    }
    settings.headers.set(headers, &breach.window, breach.limits.as_slice(), asked.now);
    settings.headers.set_fallback(headers, asked.decided_by);
    response
}

fn by_default(placed: &Placed, breach: &Breach, req: &ServiceRequest) -> HttpResponse {
    let problem = if breach.is_meta { &Problem::ABNORMAL_USAGE_DETECTED } else { &Problem::QUOTA_EXCEEDED };
    let named = told_apart(breach.limits.as_slice());
    let those = |outcome| move |(_, limit): &&(_, &CurrentLimit)| limit.outcome == outcome;
    // The one that the rest of the answer speaks of comes first.
    let violated =
        named.iter().filter(those(Outcome::Breached)).chain(named.iter().filter(those(Outcome::Refused)));
    let violated: smallvec::SmallVec<[&str; 4]> = violated.map(|(name, _)| &**name).collect();
    let is_usual = placed.has_fixed_message() && *violated == [&*placed.policy_name()];
    let known = is_usual.then_some(&placed.problem);
    body::response(problem, &breach.message, &violated, known, req)
}

#[cfg(test)]
mod tests {
    use actix_web::{body::to_bytes, test::TestRequest};

    use super::*;
    use crate::LimiterBuilder;

    #[actix_web::test]
    async fn what_cannot_be_decided_is_reduced_capacity() {
        let config = LimiterBuilder::new().config_as_is();
        let req = TestRequest::default().to_srv_request();
        let asked = Asked {
            settings: &config.settings,
            client: &Key::missing(),
            now: Timestamp::from_millis(0),
            route: None,
            decided_by: DecidedBy::Nobody,
            manual: None,
        };
        let response = undecided(Undecided::Storage, &asked, &req);
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
