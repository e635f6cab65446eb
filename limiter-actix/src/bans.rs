//! Bans and passes: the clients that are refused, or not limited, whatever they have used.
//!
//! They are notes of the storage, so that all processes have them. Each process keeps a copy, which requests read.

pub(crate) mod ban;
pub(crate) mod error;
pub(crate) mod list;
pub(crate) mod refresh;
mod table;
pub(crate) mod target;
pub(crate) mod turn;
