//! Predicts the route of a request, and what applies there.

mod app_rules;
pub(crate) mod beacon;
mod hidden;
mod label;
mod path_variants;
mod pattern_index;
pub(crate) mod pattern_text;
pub(crate) mod plan_builder;
pub(crate) mod prediction;
mod recent_paths;
pub(crate) mod registered;
pub(crate) mod scope_marker;
pub(crate) mod table;
