//! Rules that were granted to a request before it awaited a storage, or functions of the application.
//!
//! A request holds the credit on which rules are granted for as long as it may go astray: from the call of the service on.
//! While a decision is awaited it goes nowhere, so it has returned the credit of all limiters that it has met, and others
//! are decided under the same rules meanwhile. Before the next call, it takes the credit again.

use std::rc::Rc;

use actix_web::dev::ServiceRequest;
use smallvec::SmallVec;

use super::{
    correction::{Bans, Correction, complete},
    refuse::Refusal,
    stack::LimiterStack,
    state::RequestState,
};
use crate::{plan::key::RuleIds, routing::registered::Position};

/// Returns the credit of the limiters that a request has met, before a wait that does not lead it on.
pub(crate) fn suspend(req: &ServiceRequest) {
    LimiterStack::states(req).iter().for_each(|state| state.suspend_credit());
}

/// Grants the rules of a request anew, right before a service is called.
///
/// If another request is on its way under them by now, or has gone astray, they are not granted any more. Then the charges
/// are corrected, as at a scope that was not predicted. That may be awaited too, so others have the credit meanwhile.
///
/// Bans are looked for according to `bans`.
pub(crate) async fn grant_anew(bans: Bans, req: &ServiceRequest) -> Result<GrantedStates, Box<Refusal>> {
    /// By then, the prediction hardly changes any more. If it does, the request keeps its credit, so this ends.
    const MAX_WAITS: usize = 4;
    let states = LimiterStack::states(req);
    let mut waits = 0;
    while let Some(state) = states.iter().find(|state| !state.resume_credit()) {
        // If the request is dropped meanwhile, it has not gone past them.
        state.rules.borrow_mut().charged = RuleIds::new();
        let correction = Correction::new(Rc::clone(state), Position::Scope, req).unless_banned(bans, req)?;
        waits += 1;
        if waits < MAX_WAITS {
            suspend(req);
            complete(correction, bans, req).await?;
        } else {
            complete(correction.keeping_credit(), bans, req).await?;
        }
    }
    Ok(GrantedStates(states))
}

/// The limiters that a request has met before a service is called.
#[must_use]
pub(crate) struct GrantedStates(SmallVec<[Rc<RequestState>; 2]>);

impl GrantedStates {
    /// Notes that the service has been called, and may be waiting now.
    pub(crate) fn note_call(&self) {
        self.0.iter().for_each(|state| state.note_call());
    }
}

impl RequestState {
    fn suspend_credit(&self) {
        self.rules.borrow_mut().credit.suspend();
    }

    /// Returns whether the rules are granted as before. After its end, and before a check, nothing follows from them.
    fn resume_credit(&self) -> bool {
        self.rules.borrow_mut().credit.resume() || !self.is_correctable()
    }
}
