//! Nothing of its own: see `count.rs` and `peers`.
