//! Which limits apply, and what their options do.

#[path = "levels/deduct.rs"]
mod deduct;
#[path = "levels/dynamic.rs"]
mod dynamic;
#[path = "levels/meta.rs"]
mod meta;
#[path = "levels/more.rs"]
mod more;
#[path = "levels/options.rs"]
mod options;
#[path = "reference/play.rs"]
mod play;
#[path = "levels/probe.rs"]
mod probe;
#[path = "levels/sharing.rs"]
mod sharing;
#[path = "reference/storages.rs"]
mod storages;
#[path = "levels/table.rs"]
mod table;
#[path = "levels/together.rs"]
mod together;
