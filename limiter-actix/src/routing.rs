//! Predicts the route of a request, and what applies there.

mod app_rules;
pub(crate) mod arrival;
pub(crate) mod beacon;
mod candidate;
pub(crate) mod certain;
pub(crate) mod declarations;
mod label;
mod lifting;
pub(crate) mod name_clashes;
mod path_rules;
pub(crate) mod pattern_text;
pub(crate) mod plan_builder;
pub(crate) mod prediction;
mod recent_paths;
pub(crate) mod registered;
mod resource_map;
mod rewriting;
mod route;
pub(crate) mod route_map;
mod route_tree;
pub(crate) mod scope_marker;
mod segment_tree;
pub(crate) mod table;
pub(crate) mod trust;
mod warnings;

/// Links what only rules by pattern need.
pub(crate) fn link_path_rules() {
    route_map::link_path_rules();
    warnings::link_path_rules();
}
