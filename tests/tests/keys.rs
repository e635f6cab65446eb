//! Who the client is: section 5 of the contract.

#[path = "keys/before_keys.rs"]
mod before_keys;
#[path = "keys/detectors.rs"]
mod detectors;
#[path = "keys/dual_stack.rs"]
mod dual_stack;
#[path = "keys/forwarded.rs"]
mod forwarded;
#[path = "keys/hostile.rs"]
mod hostile;
#[path = "keys/nginx.rs"]
mod nginx;
#[path = "keys/place.rs"]
mod place;
#[path = "keys/properties.rs"]
mod properties;
#[path = "keys/values.rs"]
mod values;
#[path = "keys/vectors.rs"]
mod vectors;
