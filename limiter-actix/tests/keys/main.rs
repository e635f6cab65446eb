//! Who the client is: section 5 of the contract.

mod before_keys;
mod detectors;
mod dual_stack;
mod forwarded;
mod hostile;
mod nginx;
mod place;
mod properties;
mod values;
mod vectors;
