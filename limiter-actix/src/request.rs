//! A request on its way through a limiter.
//!
//! [`Arrival`](arrival::Arrival) predicts it, [`Admission`](admission::Admission) decides it, [`RequestState`](state::RequestState) follows it to
//! its handler, [`Correction`](correction::Correction) fixes a wrong prediction, and `settle` ends it with the
//! response. If there is no response, [`OnEarlyDrop`](early_drop::OnEarlyDrop) ends it.

pub(crate) mod admission;
pub(crate) mod arrival;
mod banned;
pub(crate) mod banned_check;
pub(crate) mod call;
pub(crate) mod carrier;
mod chargeable_rules;
pub(crate) mod check;
pub(crate) mod correction;
mod delegation;
pub(crate) mod early_drop;
pub(crate) mod grants;
pub(crate) mod held_body;
mod misprediction;
mod observe;
pub(crate) mod passing;
pub(crate) mod pending;
mod phase;
mod predicted;
mod refund;
pub(crate) mod refuse;
mod repeated;
mod response_headers;
mod rule_ledger;
mod settle;
pub(crate) mod stack;
pub(crate) mod state;
pub(crate) mod straight;
mod straight_request;
mod unmatched;
mod usage;

use self::{admission::Admission, arrival::Arrival, correction::Correction};

/// Links the decisions that are awaited, because the storage is remote, or because of async functions.
pub(crate) fn link_waits() {
    Admission::link_waits();
    Arrival::link_waits();
    Correction::link_waits();
    misprediction::link_waits();
}
