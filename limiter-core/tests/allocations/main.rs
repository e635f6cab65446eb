//! The cost of the memory storage: no allocation for a warm key, bounded memory for many, no slow decision.

mod many_keys;
mod warm_keys;
