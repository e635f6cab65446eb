//! The identity of the client: section 5 of the contract.

mod before_keys;
mod dual_stack;
mod forwarded;
mod hostile;
mod key_values;
mod nginx;
mod page;
mod properties;
mod vectors;
mod warnings;
