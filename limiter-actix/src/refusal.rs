//! The answer to a refused request.

use std::sync::Arc;

use actix_web::{
    HttpMessage, HttpResponse,
    dev::ServiceRequest,
    http::{StatusCode, header},
};
use limiter_core::{Window, storage::Decision};

use crate::{Breach, charge::Charge, headers::set_retry_after, question::breached, ticket::Ticket};

/// The answer, when the decision was not to admit.
pub(crate) fn of(
    ticket: &Ticket,
    decision: &Decision,
    guards: &[Charge],
    limits: &[Charge],
    req: &ServiceRequest,
) -> Option<HttpResponse> {
    let (charge, window, is_meta) = breached(decision, guards, limits)?;
    let breach = breach(ticket, charge, window, is_meta, req);
    tracing::info!(
        limit = %charge.placed.policy,
        key = ?breach.key,
        route = breach.route(),
        meta = is_meta,
        "refused"
    );
    if window.retry_after().is_none() {
        tracing::error!(code = "L008", limit = %charge.placed.policy,
            "a request costs more than its limit allows at all: it will never pass");
    }
    let response = respond(ticket, charge, &breach);
    req.extensions_mut().insert(breach);
    Some(response)
}

fn breach(ticket: &Ticket, charge: &Charge, window: Window, is_meta: bool, req: &ServiceRequest) -> Breach {
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
        key: charge.key(&ticket.client).clone(),
        route: ticket.route.pattern().map(|pattern| Arc::from(&**pattern)),
        is_meta,
    }
}

fn respond(ticket: &Ticket, charge: &Charge, breach: &Breach) -> HttpResponse {
    let settings = &ticket.local.config.settings;
    let of_limiter = if breach.is_meta { &settings.on_meta_breach } else { &settings.on_breach };
    let own = charge.placed.limit.on_breach.as_ref().and_then(|answer| answer(breach));
    let mut response = own
        .or_else(|| of_limiter.as_ref().and_then(|answer| answer(breach)))
        .unwrap_or_else(|| plain(breach));
    set_retry_after(response.headers_mut(), &breach.window);
    if let Some(names) = &settings.headers {
        names.set(response.headers_mut(), &breach.window, ticket.decided_at);
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
