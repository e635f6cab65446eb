//! Refuses banned clients in manual checks of limits.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;

use super::{
    banned::{find, refuse},
    call,
    refuse::Refusal,
    stack::LimiterStack,
};
use crate::{
    decision::{charge::Charge, context::DecisionContext},
    limiter::shared::Shared,
    settings::Config,
};

/// Looks for a ban or a pass, as [`apply`](super::banned::apply) does. The handler may have no limiter around it. A check
/// is no request of its own, so only the refusal of the client is counted.
#[cold]
pub(crate) fn apply_in_manual_check(
    limiter: &Arc<Shared>,
    config: &Config,
    context: &DecisionContext<'_>,
    charges: &[Charge],
    req: &ServiceRequest,
) -> Result<bool, Box<Refusal>> {
    match find(config, context.client, charges.iter(), context.now, req) {
        None => Ok(true),
        Some(_) if is_at_exempt_route(limiter, req) => Ok(true),
        Some(ban) if ban.is_pass() => Ok(false),
        Some(ban) => Err(refuse(context, &ban, req)),
    }
}

/// Returns whether the request is at a route that is exempt from all limits of this limiter.
fn is_at_exempt_route(limiter: &Arc<Shared>, req: &ServiceRequest) -> bool {
    match LimiterStack::state_of(req, limiter) {
        Some(state) => state.predicted.worker.table(req).is_exempt(&state.met_rules(), req),
        // The limiter keeps nothing of requests that it lets pass.
        None => call::passing_worker(req)
            .filter(|worker| Arc::ptr_eq(&worker.shared, limiter))
            .is_some_and(|worker| worker.table(req).is_exempt_as_predicted(req)),
    }
}
