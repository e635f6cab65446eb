//! The apps of the READMEs of other crates, each rewritten.

mod actix_extensible_rate_limit;
mod actix_governor;
mod actix_limitation;
