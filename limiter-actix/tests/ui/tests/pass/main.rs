//! What must compile without a warning, and hold.

#![allow(clippy::mixed_attributes_style, reason = "users may write it so")]

mod constants_and_crate;
mod docs_and_cfg;
mod in_functions;
mod options;
mod resource_patterns;
mod routes;
mod scope_modules;
mod shadowed_names;
mod stacking;
mod url_for;
mod visibility;
