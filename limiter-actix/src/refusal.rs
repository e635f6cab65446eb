//! The answer to a refused request.

use std::sync::Arc;

use actix_web::{
    HttpMessage, HttpResponse,
    dev::ServiceRequest,
    http::{StatusCode, header},
};
use limiter_core::{Key, Timestamp, Window, storage::Decision};

use crate::{
    Breach, charge::Charge, config::Settings, headers::set_retry_after, plan::Placed, question::breached,
    ticket::Ticket,
};

/// What a refusal must know of its request.
pub(crate) struct Asked<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) client: &'a Key,
    pub(crate) now: Timestamp,
    pub(crate) route: Option<&'a str>,
}

/// The answer, when the decision was not to admit. Leaves the breach in the extensions of the request.
pub(crate) fn of(
    ticket: &Ticket,
    decision: &Decision,
    guards: &[Charge],
    limits: &[Charge],
    req: &ServiceRequest,
) -> Option<HttpResponse> {
    let asked = Asked {
        settings: &ticket.local.config.settings,
        client: &ticket.client,
        now: ticket.decided_at,
        route: ticket.route.pattern().map(|pattern| &**pattern),
    };
    let (breach, response) = answer(&asked, decision, guards, limits, req)?;
    req.extensions_mut().insert(breach);
    Some(response)
}

/// The breach and the answer to it, when the decision was not to admit.
pub(crate) fn answer(
    asked: &Asked<'_>,
    decision: &Decision,
    guards: &[Charge],
    limits: &[Charge],
    req: &ServiceRequest,
) -> Option<(Breach, HttpResponse)> {
    let (charge, window, is_meta) = breached(decision, guards, limits)?;
    let breach = breach(asked, charge, window, is_meta, req);
    tracing::info!(
        limit = %breach.quota,
        key = ?breach.key,
        route = asked.route,
        meta = is_meta,
        "refused"
    );
    if window.retry_after().is_none() {
        say_it_never_passes(&charge.placed);
    }
    let response = respond(asked, charge, &breach);
    Some((breach, response))
}

fn breach(asked: &Asked<'_>, charge: &Charge, window: Window, is_meta: bool, req: &ServiceRequest) -> Breach {
    let placed = &charge.placed;
    let message = match &placed.limit.message {
        Some(message) => message.of(req),
        None => Arc::from(placed.policy.to_string()),
    };
    Breach {
        quota: placed.policy.quota(),
        name: placed.limit.name.clone(),
        message,
        window,
        key: charge.key(asked.client).clone(),
        route: asked.route.map(Arc::from),
        is_meta,
    }
}

/// Once for each limit: its cost function, or its quota, is not what it should be.
fn say_it_never_passes(placed: &Placed) {
    if !placed.said_it_never_passes.replace(true) {
        tracing::error!(code = "L008", limit = %placed.policy,
            "a request costs more than its limit allows at all: it will never pass");
    }
}

fn respond(asked: &Asked<'_>, charge: &Charge, breach: &Breach) -> HttpResponse {
    let settings = asked.settings;
    let of_limiter = if breach.is_meta { &settings.on_meta_breach } else { &settings.on_breach };
    let own = charge.placed.limit.on_breach.as_ref().and_then(|answer| answer(breach));
    let mut response = own
        .or_else(|| of_limiter.as_ref().and_then(|answer| answer(breach)))
        .unwrap_or_else(|| plain(breach));
    set_retry_after(response.headers_mut(), &breach.window);
    if let Some(names) = &settings.headers {
        names.set(response.headers_mut(), &breach.window, asked.now);
    }
    response
}

/// A refusal must not be stored by caches (RFC 6585, section 4).
fn plain(breach: &Breach) -> HttpResponse {
    HttpResponse::build(StatusCode::TOO_MANY_REQUESTS)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/plain; charset=utf-8")
        .body(breach.message.to_string())
}
