//! Nothing of its own: see `decide.rs` and `http.rs`.
