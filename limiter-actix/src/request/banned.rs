//! Refuses banned clients, and lets clients with a pass through.

use std::{iter, ptr};

use actix_web::{HttpMessage, dev::ServiceRequest};

use super::{refuse::Refusal, stack::LimiterStack, state::RequestState};
use crate::{
    bans::ban::Ban, decision::charge::Charge, plan::Plan, report::decided_by::DecidedBy, response::banned,
    telemetry::RequestOutcome,
};

/// Looks for a ban or a pass of a request, by the limiter's key, by the keys of its limits and by the client's
/// address. Returns whether the request is limited, or the refusal. Called only while there is any ban or pass.
///
/// A route that is exempt from all limits answers banned clients too.
#[cold]
pub(super) fn apply(
    state: &RequestState,
    plan: &Plan,
    charges: &[Charge],
    req: &ServiceRequest,
) -> Result<bool, Box<Refusal>> {
    if plan.is_exempt() {
        return Ok(true);
    }
    let predicted = &state.predicted;
    let (client, now) = (&predicted.client, predicted.decided_at);
    // Most limits have no key of their own.
    let own = charges.iter().map(|charge| charge.key(client)).filter(|key| !ptr::eq(*key, client));
    let keys = iter::once(client).chain(own);
    let address = predicted.settings().address.of(req);
    match predicted.worker.config.bans.find(keys, address, now) {
        None => Ok(true),
        Some(ban) if ban.is_pass() => {
            LimiterStack::skip(req, &predicted.worker.shared);
            Ok(false)
        }
        Some(ban) => Err(refuse(state, &ban, req)),
    }
}

fn refuse(state: &RequestState, ban: &Ban, req: &ServiceRequest) -> Box<Refusal> {
    let predicted = &state.predicted;
    let (settings, now) = (predicted.settings(), predicted.decided_at);
    settings.telemetry.count_request(RequestOutcome::Banned, DecidedBy::Storage, now);
    if let Some(top) = &settings.top {
        top.count_refusal(&predicted.client, now);
    }
    let keys = &settings.key_forms;
    settings.telemetry.log_banned(&predicted.client, ban.reason(), predicted.pattern(), keys, now);
    let response = banned::respond(settings, ban, now, req);
    req.extensions_mut().insert(ban.clone());
    Box::new(Refusal { response, undecided: None })
}
