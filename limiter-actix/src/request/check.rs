//! The check of limits by the handler, for limiters without `auto_check`.

use std::rc::Rc;

use actix_web::dev::ServiceRequest;

use super::{
    correction::Correction, pending::PendingDecision, phase::Phase, refuse::Refusal, stack::LimiterStack,
    state::RequestState,
};
use crate::routing::registered::Position;

/// Runs the checks that the limiters of a request wait for. Later calls have nothing left to check.
pub(crate) async fn check(req: &ServiceRequest) -> Result<(), Box<Refusal>> {
    let stack = LimiterStack::of(req).unwrap_or_default();
    for state in stack.limiters.iter().filter(|state| state.is_in(Phase::AwaitsCheck)) {
        let _turn = CheckTurn::begin(state);
        Correction::new(Rc::clone(state), Position::Resource, req).decide_later(req).await?;
    }
    Ok(())
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
