//! Which limits apply, and what their options do.

mod deduct;
mod dynamic;
mod meta;
mod more;
mod options;
mod probe;
mod sharing;
mod table;
mod together;
