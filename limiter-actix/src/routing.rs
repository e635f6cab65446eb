//! Predicts the route of a request, and what applies there.

mod app_rules;
pub(crate) mod beacon;
mod hidden;
mod label;
mod pattern_index;
pub(crate) mod pattern_text;
mod plan_builder;
pub(crate) mod prediction;
mod recent_paths;
mod rewritten;
pub(crate) mod scope_marker;
pub(crate) mod table;
