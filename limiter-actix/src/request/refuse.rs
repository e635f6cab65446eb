//! Refuses a request.

use actix_web::{HttpMessage, HttpResponse, dev::ServiceRequest};

use super::{
    observe,
    state::{LimiterStack, RequestState},
};
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

impl RequestState {
    fn context(&self) -> DecisionContext<'_> {
        DecisionContext {
            settings: &self.worker.config.settings,
            client: &self.client,
            now: self.decided_at,
            route: self.route.pattern(),
            decided_by: self.decided_by.get(),
            manual: None,
        }
    }

    /// The answer, when the decision was not to admit. Leaves the breach in the extensions of the request.
    pub(super) fn refusal(&self, batch: &DecidedBatch<'_>, req: &ServiceRequest) -> Option<HttpResponse> {
        let (breach, response) = refuse(&self.context(), batch, req)?;
        self.is_reported.set(true);
        req.extensions_mut().insert(breach);
        Some(response)
    }

    /// The answer to its request when that could not be decided.
    pub(super) fn undecided(&self, why: Undecided, req: &ServiceRequest) -> HttpResponse {
        self.is_reported.set(true);
        undecided(why, &self.context(), req)
    }
}

/// The answer where nothing could be decided.
pub(crate) fn undecided(why: Undecided, context: &DecisionContext<'_>, req: &ServiceRequest) -> HttpResponse {
    match why {
        Undecided::CallbackFailed => HttpResponse::InternalServerError().finish(),
        Undecided::StorageFailed => {
            observe::undecided(context);
            refusal::undecided(context, req)
        }
    }
}

/// The breach and the answer to it, when the decision was not to admit.
pub(crate) fn refuse(
    context: &DecisionContext<'_>,
    batch: &DecidedBatch<'_>,
    req: &ServiceRequest,
) -> Option<(Breach, HttpResponse)> {
    let refusing = refusing_limit(batch)?;
    let breach = breach(context, batch, &refusing, req);
    observe::refused(context, batch, &breach);
    if breach.retry_after().is_none() {
        log_unsatisfiable(&refusing.charge.limit);
    }
    let response = refusal::respond(context, &refusing.charge.limit, &breach, req);
    show_to_limiters(&breach, req);
    Some((breach, response))
}

/// Once for each limit: its cost function, or its quota, is not what it should be.
fn log_unsatisfiable(limit: &BoundLimit) {
    if !limit.is_reported_unsatisfiable.replace(true) {
        tracing::error!(code = "L008", limit = %limit.policy,
            "a request costs more than its limit allows at all: it will never pass");
    }
}

/// Lets the limiters that have admitted the request show what it ran into afterwards.
fn show_to_limiters(breach: &Breach, req: &ServiceRequest) {
    if let Some(stack) = req.extensions().get::<LimiterStack>() {
        for state in &stack.limiters {
            state.breach.replace(Some(Box::new(breach.clone())));
        }
    }
}
