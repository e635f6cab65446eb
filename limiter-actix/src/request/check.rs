//! The check of limits by the handler, for limiters without `auto_check`.

use std::rc::Rc;

use actix_web::{HttpMessage, HttpRequest, dev::ServiceRequest};
use limiter_core::log::{Throttle, event};
use tokio::sync::Mutex;

use super::{
    call,
    correction::{Bans, Correction, complete},
    phase::Phase,
    refuse::Refusal,
    repeated::RepeatedRefusal,
    stack::LimiterStack,
    state::RequestState,
};
use crate::{request::link_waits, routing::registered::Position};

/// The reason why a check did not pass.
pub(crate) enum CheckError {
    Refused(Box<Refusal>),
    /// The app has no limiter around the handler.
    NoLimiter,
}

/// The checks of one request, and the refusal that ended them. It lies in the extensions of the request.
///
/// Checks run one at a time, so that one that comes while another is running gets the same result.
#[derive(Clone, Default)]
struct Checks(Rc<Mutex<Option<RepeatedRefusal>>>);

/// Runs the checks that the limiters of a request wait for. Later calls have nothing left to check. Once the request is
/// refused, all calls return that refusal.
pub(crate) async fn check(req: &ServiceRequest) -> Result<(), CheckError> {
    let stack = LimiterStack::of(req).unwrap_or_default();
    if stack.has_no_limiter() && call::may_have_passed(req) {
        return Ok(());
    }
    if stack.has_no_limiter() {
        warn_of_missing_limiter(req.request());
        return Err(CheckError::NoLimiter);
    }
    let checks = Checks::of(req);
    let mut refused = checks.0.lock().await;
    if let Some(refusal) = &*refused {
        return Err(CheckError::Refused(refusal.repeat()));
    }
    for state in stack.limiters.iter().filter(|state| state.is_in(Phase::AwaitsCheck)) {
        let _turn = CheckTurn::begin(state);
        if let Err(refusal) = check_one(state, req).await {
            let (refusal, repeated) = RepeatedRefusal::of(*refusal);
            *refused = Some(repeated);
            return Err(CheckError::Refused(Box::new(refusal)));
        }
    }
    Ok(())
}

async fn check_one(state: &Rc<RequestState>, req: &ServiceRequest) -> Result<(), Box<Refusal>> {
    link_waits();
    let correction = Correction::new(Rc::clone(state), Position::Resource, req);
    // Only now are there charges, with keys that may be banned.
    complete(correction.unless_banned(Bans::Apply, req)?, Bans::Apply, req).await
}

impl Checks {
    fn of(req: &ServiceRequest) -> Self {
        let mut extensions = req.extensions_mut();
        if let Some(checks) = extensions.get::<Self>() {
            return checks.clone();
        }
        let checks = Self::default();
        extensions.insert(checks.clone());
        checks
    }
}

/// The turn of the caller whose check is running. If the check is dropped before it is decided, such as by a timeout,
/// the next caller checks again.
struct CheckTurn<'a>(&'a RequestState);

impl<'a> CheckTurn<'a> {
    fn begin(state: &'a RequestState) -> Self {
        state.phase.set(Phase::Checking);
        Self(state)
    }
}

impl Drop for CheckTurn<'_> {
    fn drop(&mut self) {
        if self.0.is_in(Phase::Checking) {
            self.0.phase.set(Phase::AwaitsCheck);
        }
    }
}

/// Logs once that a handler needs a limiter, and there is none around it.
pub(crate) fn warn_of_missing_limiter(req: &HttpRequest) {
    static LOGGED: Throttle = Throttle::once("L033");
    event!(
        LOGGED.permit_now(),
        ERROR,
        path = req.match_pattern().as_deref(),
        "a handler takes `LimitCheck` or `Limiter`, but its app has no `Limiter`: responding with 500; add \
         `.wrap(limiter)`"
    );
}
