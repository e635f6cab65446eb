//! Rules that were granted to a request before it awaited a storage, or functions of the application.
//!
//! A request holds the credit on which rules are granted for as long as it may go astray: from the call of the service on.
//! While its decision is awaited it goes nowhere, so it has returned the credit, and others are decided under the same
//! rules meanwhile. Before the call, it takes the credit again.

use std::rc::Rc;

use actix_web::dev::ServiceRequest;

use super::{
    correction::{Bans, Correction, complete},
    refuse::Refusal,
    state::RequestState,
};
use crate::{plan::key::RuleIds, routing::registered::Position};

/// Grants the rules of a request anew, right before its service is called.
///
/// If another request is on its way under them by now, or has gone astray, they are not granted any more. Then the charges
/// are corrected, as at a scope that was not predicted. That may be awaited too, so others have the credit meanwhile.
///
/// `bans` tells whether bans are looked for then.
pub(crate) async fn grant_anew(
    state: &Rc<RequestState>,
    bans: Bans,
    req: &ServiceRequest,
) -> Result<(), Box<Refusal>> {
    /// By then, the prediction hardly changes any more. If it does, the last correction keeps its credit.
    const MAX_CORRECTIONS: usize = 4;
    for number in 1..=MAX_CORRECTIONS {
        if state.rules.borrow_mut().credit.resume() || !state.is_correctable() {
            break;
        }
        // If the request is dropped meanwhile, it has not gone past them.
        state.rules.borrow_mut().charged = RuleIds::new();
        let correction = Correction::new(Rc::clone(state), Position::Scope, req);
        let correction = if number < MAX_CORRECTIONS { correction } else { correction.keeping_credit() };
        complete(correction.unless_banned(bans, req)?, bans, req).await?;
    }
    Ok(())
}
