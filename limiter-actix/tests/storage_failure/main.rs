//! What happens while the storage fails, and what is refused without asking it: section 7 of the contract.

mod counts;
mod fickle_storage;
mod local_refusals;
mod manual;
mod mid_request;
mod outage_limits;
mod policies;
mod responses;
