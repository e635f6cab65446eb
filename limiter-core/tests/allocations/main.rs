//! What the memory storage costs: no allocation for a warm key, bounded memory for many, no slow decision.

mod many_keys;
mod warm_keys;
