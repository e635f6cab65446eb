//! Nothing of its own: see `decide.rs`.
