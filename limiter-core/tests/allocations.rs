//! What the memory storage costs: no allocation for a warm key, bounded memory for many, no slow decision.

#[path = "allocations/many_keys.rs"]
mod many_keys;
#[path = "allocations/warm_keys.rs"]
mod warm_keys;
