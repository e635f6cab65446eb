//! Failures of the storage, and refusals without a query: section 7 of the contract.

mod contradictions;
mod counts;
mod fickle_storage;
mod leases;
mod local_refusals;
mod manual;
mod mid_request;
mod outage_limits;
mod policies;
mod responses;
