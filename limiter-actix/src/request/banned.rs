//! Refuses banned clients, and lets clients with a pass through.

use std::{iter, ptr, sync::Arc};

use actix_web::{HttpMessage, dev::ServiceRequest};
use limiter_core::{Key, Timestamp};

use super::{refuse::Refusal, stack::LimiterStack, state::RequestState};
use crate::{
    bans::ban::Ban,
    decision::{charge::Charge, context::DecisionContext},
    plan::Plan,
    report::decided_by::DecidedBy,
    response::banned,
    settings::Config,
    telemetry::RequestOutcome,
};

/// Looks for a ban or a pass of a request, by the limiter's key, by the keys of its limits and by the client's
/// address. Returns whether the request is limited, or the refusal. Called only while there is any ban or pass.
///
/// A route that is exempt from all limits answers banned clients too.
#[cold]
pub(super) fn apply<'a>(
    state: &RequestState,
    plan: &Plan,
    charges: impl Iterator<Item = &'a Charge>,
    req: &ServiceRequest,
) -> Result<bool, Box<Refusal>> {
    if plan.is_exempt() {
        return Ok(true);
    }
    let predicted = &state.predicted;
    match find(&predicted.worker.config, &predicted.client, charges, predicted.decided_at, req) {
        None => Ok(true),
        Some(ban) if ban.is_pass() => {
            LimiterStack::skip(req, &predicted.worker.shared);
            Ok(false)
        }
        Some(ban) => {
            let telemetry = &predicted.settings().telemetry;
            telemetry.count_request(RequestOutcome::Banned, DecidedBy::Storage, predicted.decided_at);
            Err(refuse(&state.context(), &ban, req))
        }
    }
}

/// Returns the ban or pass of a request.
pub(super) fn find<'a>(
    config: &Config,
    client: &Key,
    charges: impl Iterator<Item = &'a Charge>,
    now: Timestamp,
    req: &ServiceRequest,
) -> Option<Arc<Ban>> {
    // Most limits have no key of their own.
    let own = charges.map(|charge| charge.key(client)).filter(|key| !ptr::eq(*key, client));
    config.bans.find(iter::once(client).chain(own), config.settings.address.of(req), now)
}

/// Refuses a banned client.
pub(super) fn refuse(context: &DecisionContext<'_>, ban: &Ban, req: &ServiceRequest) -> Box<Refusal> {
    let (settings, now) = (context.settings, context.now);
    if let Some(top) = &settings.top {
        top.count_refusal(context.client, now);
    }
    let route = context.route.map(|route| &**route);
    settings.telemetry.log_banned(context.client, ban.reason(), route, &settings.key_forms, now);
    let response = banned::respond(settings, ban, now, req);
    req.extensions_mut().insert(ban.clone());
    Box::new(Refusal { response, undecided: None })
}
