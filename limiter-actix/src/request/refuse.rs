//! Refusals of requests.

use actix_web::{Error, HttpMessage, HttpResponse, dev::ServiceRequest, error::InternalError};
use limiter_core::log::{event, shown};

use super::{observe, stack::LimiterStack};
use crate::{
    Breach,
    decision::{
        context::DecisionContext,
        decided::{DecidedBatch, breach, refusing_limit},
    },
    plan::bound_limit::BoundLimit,
    report::decided_by::Undecided,
    response::refusal,
};

/// The response to a request that is not admitted.
pub(crate) struct Refusal {
    pub(crate) response: HttpResponse,
    /// The reason why nothing was decided. `None` if a limit refused.
    pub(super) undecided: Option<Undecided>,
}

impl Refusal {
    /// Reports that nothing could be decided, and builds the response.
    #[cold]
    pub(super) fn undecided(
        why: Undecided,
        context: &DecisionContext<'_>,
        req: &ServiceRequest,
    ) -> Box<Self> {
        let response = match why {
            Undecided::CallbackFailed => HttpResponse::InternalServerError().finish(),
            Undecided::StorageFailed => {
                observe::undecided(context);
                refusal::undecided(context, req)
            }
        };
        Box::new(Self { response, undecided: Some(why) })
    }

    /// Returns the error that a handler returns for this refusal.
    pub(crate) fn into_error(self, req: &ServiceRequest) -> Error {
        let cause = match self.undecided {
            Some(Undecided::CallbackFailed) => "the limits were not checked: a callback failed".to_owned(),
            Some(Undecided::StorageFailed) => "the limits were not checked: the storage failed".to_owned(),
            None => req.extensions().get::<Breach>().map_or_else(String::new, |it| it.message().to_owned()),
        };
        InternalError::from_response(cause, self.response).into()
    }
}

/// Refuses a request, if a limit does: finds the breach, reports it, builds the response, and leaves the breach with
/// the request and its limiters.
pub(super) fn refuse(
    context: &DecisionContext<'_>,
    batch: &DecidedBatch<'_>,
    req: &ServiceRequest,
) -> Option<Box<Refusal>> {
    refuse_and(context, batch, req, |breach| LimiterStack::show_breach(req, breach))
}

/// The same for a request that has met no limiter before.
pub(super) fn refuse_first(
    context: &DecisionContext<'_>,
    batch: &DecidedBatch<'_>,
    req: &ServiceRequest,
) -> Option<Box<Refusal>> {
    refuse_and(context, batch, req, |_| {})
}

#[inline]
fn refuse_and(
    context: &DecisionContext<'_>,
    batch: &DecidedBatch<'_>,
    req: &ServiceRequest,
    show_outside: impl FnOnce(&Breach),
) -> Option<Box<Refusal>> {
    let refusing = refusing_limit(batch)?;
    let limit = &refusing.charge.limit;
    let breach = breach(context, batch, &refusing, req);
    if context.is_by_reservations {
        return Some(refuse_for_now(context, limit, &breach, req));
    }
    observe::refused(context, batch, &breach);
    if breach.retry_after().is_none() {
        log_unsatisfiable(context, limit);
    }
    let response = refusal::respond(context, limit, &breach, req);
    show_outside(&breach);
    req.extensions_mut().insert(breach);
    Some(Box::new(Refusal { response, undecided: None }))
}

/// Refuses a request that only reservations under way stop. Nobody finds a breach in it.
#[cold]
fn refuse_for_now(
    context: &DecisionContext<'_>,
    limit: &BoundLimit,
    breach: &Breach,
    req: &ServiceRequest,
) -> Box<Refusal> {
    observe::reserved(context);
    let response = refusal::respond(context, limit, breach, req);
    LimiterStack::show_breach(req, breach);
    Box::new(Refusal { response, undecided: None })
}

/// Logs once for each limit that a request can never pass it: its cost or its quota is wrong.
fn log_unsatisfiable(context: &DecisionContext<'_>, limit: &BoundLimit) {
    if !limit.is_reported_unsatisfiable.replace(true) {
        event!(
            context.settings.telemetry.lines.never_passes.permit(context.now),
            ERROR,
            limit = shown(&limit.policy),
            "a request costs more than its limit ever allows: it will never pass"
        );
    }
}
